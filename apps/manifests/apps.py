from django.apps import AppConfig


class ManifestsConfig(AppConfig):
    name = "apps.manifests"

    def ready(self) -> None:
        from . import messages  # noqa: F401 - registers this app's words
