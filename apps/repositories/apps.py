from django.apps import AppConfig


class RepositoriesConfig(AppConfig):
    name = "apps.repositories"

    def ready(self) -> None:
        from . import messages  # noqa: F401 - registers this app's words
