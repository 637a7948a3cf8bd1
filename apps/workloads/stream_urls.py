"""Streams of live state."""

from django.urls import path

from . import streams

urlpatterns = [
    path(
        "projects/<slug:project>/apps/<slug:application>/targets/<slug:environment>/<slug:target>/pods/<str:pod>/log",
        streams.pod_log,
        name="stream-pod-log",
    ),
]
