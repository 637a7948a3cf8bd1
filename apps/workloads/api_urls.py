"""Live state in the API."""

from django.urls import path

from . import api

_ROOT = "projects/<slug:project>/apps/<slug:application>/targets/<slug:environment>/<slug:target>/pods/"

urlpatterns = [
    path(_ROOT, api.TargetPods.as_view(), name="api-pods"),
    path(f"{_ROOT}<str:pod>/log/", api.PodLog.as_view(), name="api-pod-log"),
]
