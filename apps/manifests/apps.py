from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.apps import AppConfig

if TYPE_CHECKING:
    from apps.applications.models import Application


class ManifestsConfig(AppConfig):
    name = "apps.manifests"

    def ready(self) -> None:
        from apps.applications import secrecy

        from . import adoption_messages, messages  # noqa: F401 - registers this app's words

        secrecy.register_source(_secret_values)


def _secret_values(application: Application) -> Iterable[str]:
    from .selectors import secret_values

    return secret_values(application)
