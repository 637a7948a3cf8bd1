"""What subscribers owe to an event: one row each, written with the event, worked on until it is done.

    emit: Event + a Reaction for each subscriber, in one transaction -> after commit the task is enqueued
    task: claim (nobody else for the time a task may take) -> the subscriber's work -> done | put off with growing pauses
Redis may lose the message and a kill may take the worker: the row stays owed, and the sweep enqueues it again.
A subscriber may therefore run twice and must be idempotent.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

import structlog
from celery import shared_task
from django.conf import settings
from django.db.models import F
from django.utils import timezone

from .dispatch import enqueue
from .errors import SlipwayError
from .models import Event, Reaction

log = structlog.get_logger(__name__)

MOST_TRIES = 20  # more than an hour with the pauses below
LONGEST_PAUSE_SECONDS = 300
GRACE = timedelta(seconds=2)  # what is due just now is about to be run by its own message


def owe(event: Event) -> None:
    """Write down who has to react to `event`, in the caller's transaction, and enqueue them when it commits."""
    tasks = settings.EVENT_SUBSCRIBERS.get(event.name, ())
    Reaction.objects.bulk_create(Reaction(event=event, task=task) for task in tasks)
    for task in tasks:
        enqueue(task, event.pk)


def subscriber(name: str) -> Callable[[Callable[[int], None]], Any]:
    """Register a function of an event's id as the task `name`, as `paas/subscribers.py` names it."""

    def register(function: Callable[[int], None]) -> Any:
        @wraps(function)
        def run(event_id: int) -> None:
            react(name, event_id, function)

        return shared_task(name=name)(run)

    return register


def react(task: str, event_id: int, function: Callable[[int], None]) -> None:
    """Run a subscriber for an event, unless that is done or somebody is at it."""
    now = timezone.now()
    held = timedelta(seconds=settings.CELERY_TASK_TIME_LIMIT)  # who has it for longer was killed
    owed = Reaction.objects.filter(event_id=event_id, task=task, done_at=None)
    if not owed.filter(due_at__lte=now).update(due_at=now + held, tries=F("tries") + 1):
        return
    try:
        function(event_id)
    except SlipwayError as exc:
        log.warning("reaction.failed", task=task, event_id=event_id, error=str(exc))
        _put_off(owed.get())
    except Exception:
        log.exception("reaction.crashed", task=task, event_id=event_id)
        _put_off(owed.get())
    else:
        owed.update(done_at=timezone.now())


def _put_off(reaction: Reaction) -> None:
    pause = min(2**reaction.tries, LONGEST_PAUSE_SECONDS)
    Reaction.objects.filter(pk=reaction.pk).update(due_at=timezone.now() + timedelta(seconds=pause))
    if reaction.tries < MOST_TRIES:
        enqueue(reaction.task, reaction.event_id, delay=pause)
    else:
        log.error("reaction.given_up", task=reaction.task, event_id=reaction.event_id)


def sweep_reactions(limit: int = 500) -> int:
    """Enqueue what is owed and was lost on its way, and return how much that was."""
    owed = Reaction.objects.filter(done_at=None, due_at__lt=timezone.now() - GRACE, tries__lt=MOST_TRIES)
    found = list(owed.order_by("id").values_list("task", "event_id")[:limit])
    for task, event_id in found:
        enqueue(task, event_id)
    return len(found)
