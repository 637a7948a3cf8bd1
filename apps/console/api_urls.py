"""The joining reads in the API."""

from django.urls import path

from . import api, audit_views

urlpatterns = [
    path("", api.Index.as_view(), name="api-index"),
    path("audit/", audit_views.AuditEntries.as_view(), name="api-audit"),
    path("projects/<slug:project>/apps/<slug:application>/matrix/", api.Matrix.as_view(), name="api-matrix"),
]
