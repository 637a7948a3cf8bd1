"""Connections in the API."""

from django.urls import path

from . import api

urlpatterns = [
    path("connections/", api.ConnectionList.as_view(), name="api-connections"),
    path("connections/<slug:slug>/", api.ConnectionDetail.as_view(), name="api-connection"),
    path("connections/<slug:slug>/check/", api.ConnectionCheck.as_view(), name="api-connection-check"),
]
