"""Find the work that nobody is doing: due rows of every Lifecycle model, and reactions to events.

The sweep only enqueues; the step decides, deadlines included.
"""

from __future__ import annotations

from datetime import timedelta

from django.apps import apps
from django.db.models import Q
from django.utils import timezone

from .dispatch import enqueue
from .lifecycle import Lifecycle
from .reactions import sweep_reactions

GRACE = timedelta(seconds=2)  # a row that is due just now is about to be run by its own countdown
LIMIT = 1000


def lifecycle_models() -> list[type[Lifecycle]]:
    """Return every concrete model that is a lifecycle."""
    return [model for model in apps.get_models() if issubclass(model, Lifecycle)]


def sweep() -> int:
    """Enqueue what is due and return how many rows and reactions that were."""
    now = timezone.now()
    found = sweep_reactions()
    for model in lifecycle_models():
        due = model._default_manager.filter(
            Q(leased_until=None) | Q(leased_until__lt=now),
            status__in=model.active_statuses(),
            next_step_at__lt=now - GRACE,
        )
        for pk in due.order_by("next_step_at").values_list("pk", flat=True)[:LIMIT]:
            enqueue(model.ADVANCE, pk)
            found += 1
    return found
