"""The DeployYml in the API."""

from django.urls import path

from . import api

_APP = "projects/<slug:project>/apps/<slug:application>/"
_ROOT = f"{_APP}deployyml/"

urlpatterns = [
    path(_ROOT, api.DeployYml.as_view(), name="api-deployyml"),
    path(f"{_ROOT}revisions/", api.RevisionList.as_view(), name="api-deployyml-revisions"),
    path(f"{_ROOT}revisions/<int:number>/", api.RevisionDetail.as_view(), name="api-deployyml-revision"),
    path(f"{_ROOT}revisions/<int:number>/restore/", api.RevisionRestore.as_view(), name="api-deployyml-restore"),
    path(f"{_ROOT}preview/", api.Preview.as_view(), name="api-deployyml-preview"),
    path(f"{_ROOT}compare/", api.Compare.as_view(), name="api-deployyml-compare"),
    path(f"{_ROOT}defaults/", api.Defaults.as_view(), name="api-deployyml-defaults"),
    path(f"{_APP}secrets/", api.Secrets.as_view(), name="api-secrets"),
    path(f"{_APP}secrets/withdraw/", api.SecretsWithdraw.as_view(), name="api-secrets-withdraw"),
]
