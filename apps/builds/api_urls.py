"""Builds in the API."""

from django.urls import path

from . import api

_ROOT = "projects/<slug:project>/apps/<slug:application>/builds/"

urlpatterns = [
    path(_ROOT, api.BuildList.as_view(), name="api-builds"),
    path(f"{_ROOT}<int:number>/", api.BuildDetail.as_view(), name="api-build"),
    path(f"{_ROOT}<int:number>/cancel/", api.BuildCancel.as_view(), name="api-build-cancel"),
    path(f"{_ROOT}<int:number>/log/", api.BuildLog.as_view(), name="api-build-log"),
    path(f"{_ROOT}<int:number>/findings/", api.BuildFindings.as_view(), name="api-build-findings"),
]
