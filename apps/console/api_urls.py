"""The joining reads in the API."""

from django.urls import path

from . import api

urlpatterns = [
    path("", api.Index.as_view(), name="api-index"),
    path("projects/<slug:project>/apps/<slug:application>/matrix/", api.Matrix.as_view(), name="api-matrix"),
]
