"""ASGI entry point: everything in development; `/stream/` and `/ws/` in production (docs/architecture.md)."""

import os
import warnings

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "paas.settings")

# WhiteNoise hands Django its files by a plain iterator: small ones, from the page cache.
warnings.filterwarnings("ignore", "StreamingHttpResponse must consume synchronous iterators")

application = get_asgi_application()
