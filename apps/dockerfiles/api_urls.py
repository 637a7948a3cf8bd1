"""Dockerfiles in the API."""

from django.urls import path

from . import api

_ROOT = "projects/<slug:project>/apps/<slug:application>/dockerfile/"

urlpatterns = [
    path(_ROOT, api.Revisions.as_view(), name="api-dockerfile"),
    path(f"{_ROOT}template/", api.Template.as_view(), name="api-dockerfile-template"),
    path(f"{_ROOT}lint/", api.Lint.as_view(), name="api-dockerfile-lint"),
    path("base-images/", api.BaseImages.as_view(), name="api-base-images"),
    path("base-images/<int:pk>/", api.BaseImageDetail.as_view(), name="api-base-image"),
]
