from django.apps import AppConfig


class RegistryConfig(AppConfig):
    name = "apps.registry"

    def ready(self) -> None:
        from . import messages  # noqa: F401 - registers this app's words
