"""The Celery application. Tasks are one-line doors named `<app>.<verb>`; see `apps.core.dispatch`."""

import os
from typing import Any

from celery import Celery
from celery.signals import worker_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "paas.settings")

app = Celery("slipway")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect  # type: ignore[untyped-decorator]
def import_clients(**_signal: Any) -> None:
    """Import before the pool is forked, so that its processes share it and none waits for it."""
    from apps.integrations import providers

    providers.warm()
