"""Pages of the DeployYml."""

from django.urls import path

from . import secret_views, views

_ROOT = "projects/<slug:project>/apps/<slug:application>/deployyml/"

urlpatterns = [
    path(_ROOT, views.edit, name="deployyml"),
    path(f"{_ROOT}preview/", views.preview, name="deployyml-preview"),
    path(f"{_ROOT}revisions/", views.revisions, name="deployyml-revisions"),
    path(f"{_ROOT}revisions/<int:number>/", views.revision, name="deployyml-revision"),
    path(f"{_ROOT}revisions/<int:number>/restore/", views.restore, name="deployyml-restore"),
    path(f"{_ROOT}secrets/", secret_views.secrets, name="deployyml-secrets"),
    path(f"{_ROOT}secrets/withdraw/", secret_views.withdraw, name="deployyml-secrets-withdraw"),
]
