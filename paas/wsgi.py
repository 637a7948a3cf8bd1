"""WSGI entry point: pages and API under gunicorn."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "paas.settings")

application = get_wsgi_application()
