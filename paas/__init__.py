"""The composition root: settings, URLs, entry points, Celery and who listens to which event."""

from .celery import app as celery_app

__all__ = ["celery_app"]
