"""The console's stream: what changed, for open pages."""

from django.urls import path

from . import streams

urlpatterns = [path("events", streams.events, name="stream-events")]
