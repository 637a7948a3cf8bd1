"""Core: what every app stands on."""

from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class CoreConfig(AppConfig):
    """Registers the tasks in every process, so that `dispatch.enqueue` knows a misspelt name at once."""

    name = "apps.core"

    def ready(self) -> None:
        """Import each app's tasks and the system checks."""
        from . import checks  # noqa: F401

        autodiscover_modules("tasks")
