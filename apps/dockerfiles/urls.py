"""Pages of Dockerfiles and base images."""

from django.urls import path

from . import base_views, views

_ROOT = "projects/<slug:project>/apps/<slug:application>/dockerfile/"

urlpatterns = [
    path(_ROOT, views.editor, name="dockerfile"),
    path(f"{_ROOT}lint/", views.lint_text, name="dockerfile-lint"),
    path(f"{_ROOT}compose/", views.composer, name="dockerfile-compose"),
    path(f"{_ROOT}compose/preview/", views.preview, name="dockerfile-compose-preview"),
    path(f"{_ROOT}revisions/", views.revisions, name="dockerfile-revisions"),
    path(f"{_ROOT}revisions/<int:number>/", views.revision, name="dockerfile-revision"),
    path("base-images/", base_views.base_images, name="base-images"),
    path("base-images/<int:pk>/", base_views.enable, name="base-image-enable"),
]
