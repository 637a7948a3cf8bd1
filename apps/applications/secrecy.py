"""The secret values of an application, for masking them wherever texts about it are stored or logged.

They are kept by an app above (`manifests`), which says here how they are read: nothing below needs to know it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from apps.integrations.redaction import Redactor

from .models import Application

Source = Callable[[Application], Iterable[str]]

_sources: list[Source] = []


def register_source(source: Source) -> None:
    """Have `source` asked, too, for the secret values of an application."""
    _sources.append(source)


def redactor_for(application: Application) -> Redactor:
    """Return what masks all secret values of an application."""
    return Redactor(value for source in _sources for value in source(application))
