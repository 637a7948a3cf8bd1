"""Repositories in the API."""

from django.urls import path

from . import api

_ROOT = "projects/<slug:project>/apps/<slug:application>/repository/"

urlpatterns = [
    path(f"{_ROOT}refs/", api.Refs.as_view(), name="api-refs"),
    path(f"{_ROOT}commits/", api.Commits.as_view(), name="api-commits"),
]
