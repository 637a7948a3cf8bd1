"""Emit an event with the change that caused it; dispatch it after commit; sweep what a kill left undispatched."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from . import live
from .dispatch import enqueue
from .models import Event

UNDISPATCHED_AFTER = timedelta(seconds=5)


def emit(
    name: str,
    subject: models.Model,
    *,
    project_id: int | None = None,
    payload: dict[str, Any] | None = None,
    topics: Iterable[str] = (),
) -> Event:
    """Write event `name` about `subject` and dispatch it when the transaction commits.

    `topics` are announced to open pages besides `<model>:<id>` (see `live`). The payload holds no secret.
    """
    noun = subject._meta.model_name or ""
    event = Event.objects.create(
        name=name, object_type=noun, object_id=subject.pk, project_id=project_id, payload=payload or {}
    )
    live.announce([f"{noun}:{subject.pk}", *topics])
    transaction.on_commit(lambda: dispatch(event.pk))
    return event


def dispatch(event_id: int) -> None:
    """Enqueue the subscribers of an event once; a second call does nothing. Subscribers are idempotent all the same."""
    with transaction.atomic():
        if not Event.objects.filter(pk=event_id, dispatched_at=None).update(dispatched_at=timezone.now()):
            return
        name = Event.objects.values_list("name", flat=True).get(pk=event_id)
        for task in settings.EVENT_SUBSCRIBERS.get(name, ()):
            enqueue(task, event_id)


def sweep_events(limit: int = 500) -> int:
    """Dispatch events that a killed process left behind and return how many."""
    left = Event.objects.filter(dispatched_at=None, created_at__lt=timezone.now() - UNDISPATCHED_AFTER)
    ids = list(left.order_by("id").values_list("id", flat=True)[:limit])
    for event_id in ids:
        dispatch(event_id)
    return len(ids)
