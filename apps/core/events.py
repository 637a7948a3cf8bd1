"""Emit an event with the change that caused it; who reacts to it is in `paas/subscribers.py`, how in `reactions.py`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import models, transaction

from . import live
from .models import Event
from .reactions import owe


def emit(
    name: str,
    subject: models.Model,
    *,
    project_id: int | None = None,
    payload: dict[str, Any] | None = None,
    topics: Iterable[str] = (),
) -> Event:
    """Write event `name` about `subject`, with what its subscribers owe to it; they start when the transaction commits.

    `topics` are announced to open pages besides `<model>:<id>` (see `live`). The payload holds no secret.
    """
    noun = subject._meta.model_name or ""
    with transaction.atomic():
        event = Event.objects.create(
            name=name, object_type=noun, object_id=subject.pk, project_id=project_id, payload=payload or {}
        )
        owe(event)
    live.announce([f"{noun}:{subject.pk}", *topics])
    return event
