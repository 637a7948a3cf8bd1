"""Streams of builds."""

from django.urls import path

from . import streams

urlpatterns = [
    path(
        "projects/<slug:project>/apps/<slug:application>/builds/<int:number>/log",
        streams.build_log,
        name="stream-build-log",
    ),
]
