from django.apps import AppConfig


class WorkloadsConfig(AppConfig):
    name = "apps.workloads"

    def ready(self) -> None:
        from . import messages  # noqa: F401 - registers this app's words
