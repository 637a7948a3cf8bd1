from django.apps import AppConfig


class DockerfilesConfig(AppConfig):
    name = "apps.dockerfiles"

    def ready(self) -> None:
        from . import messages  # noqa: F401 - registers this app's words
