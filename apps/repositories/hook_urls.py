"""Webhooks of GitLab."""

from django.urls import path

from . import webhooks

urlpatterns = [path("gitlab/<slug:uid>/", webhooks.gitlab, name="hook-gitlab")]
