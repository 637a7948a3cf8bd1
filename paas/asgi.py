"""ASGI entry point: everything in development; `/stream/` and `/ws/` in production (docs/architecture.md)."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "paas.settings")

application = get_asgi_application()
