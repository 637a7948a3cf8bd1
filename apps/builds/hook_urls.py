"""Webhooks of Jenkins."""

from django.urls import path

from . import webhooks

urlpatterns = [path("jenkins/<uuid:uid>/", webhooks.jenkins, name="hook-jenkins")]
