from django.apps import AppConfig


class BuildsConfig(AppConfig):
    name = "apps.builds"

    def ready(self) -> None:
        from . import messages  # noqa: F401 - registers this app's words
