"""What is owed to an event is done once, however often a message is lost, a worker killed or a subscriber fails."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from apps.core import reactions
from apps.core.errors import Conflict
from apps.core.events import emit
from apps.core.models import Event, Reaction
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
TASK = "releases.on_deployment"


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """Return what is handed to Redis, which loses it: no worker runs here."""
    found: list[tuple[Any, ...]] = []
    monkeypatch.setattr(reactions, "enqueue", lambda task, pk, delay=0.0: found.append((task, pk, delay)))
    return found


@pytest.fixture
def event(sent: list[tuple[Any, ...]]) -> Event:
    return emit("deployment.superseded", factories.project())


def owed(event: Event) -> Reaction:
    return Reaction.objects.get(event=event, task=TASK)


def make_due(event: Event) -> None:
    Reaction.objects.filter(event=event).update(due_at=timezone.now() - timedelta(seconds=10))


def test_event_owes_to_each_subscriber_and_to_nobody_else(sent: list[tuple[Any, ...]]) -> None:
    failed = emit("deployment.failed", factories.project())
    emit("nobody.cares", factories.project())
    subscribers = settings.EVENT_SUBSCRIBERS["deployment.failed"]
    assert sorted(Reaction.objects.values_list("event_id", "task")) == sorted((failed.pk, task) for task in subscribers)
    assert [(task, pk) for task, pk, _ in sent] == [(task, failed.pk) for task in subscribers]


def test_event_of_a_transaction_that_is_undone_owes_nothing(sent: list[tuple[Any, ...]]) -> None:
    with transaction.atomic():
        emit("deployment.superseded", factories.project())
        transaction.set_rollback(True)
    assert not Event.objects.exists()
    assert not Reaction.objects.exists()


def test_subscriber_runs_once_however_often_its_message_comes(event: Event) -> None:
    ran: list[int] = []
    for _ in range(3):
        reactions.react(TASK, event.pk, ran.append)
    assert ran == [event.pk]
    assert owed(event).done_at is not None
    make_due(event)
    assert reactions.sweep_reactions() == 0


def test_lost_message_is_found_by_the_sweep(event: Event, sent: list[tuple[Any, ...]]) -> None:
    sent.clear()
    assert reactions.sweep_reactions() == 0  # its message may still be on the way
    make_due(event)
    assert reactions.sweep_reactions() == 1
    assert sent == [(TASK, event.pk, 0.0)]


def test_killed_worker_leaves_it_owed_but_not_at_once(event: Event) -> None:
    def killed(_: int) -> None:
        raise SystemExit  # as a kill would: nothing after this line runs

    with pytest.raises(SystemExit):
        reactions.react(TASK, event.pk, killed)
    ran: list[int] = []
    reactions.react(TASK, event.pk, ran.append)
    assert ran == []  # for all anybody knows the first one is still at it
    make_due(event)
    reactions.react(TASK, event.pk, ran.append)
    assert ran == [event.pk]


@pytest.mark.parametrize("problem", [Conflict("deployment.in_progress"), KeyError("a defect")])
def test_failing_subscriber_is_tried_again_with_growing_pauses(
    event: Event, sent: list[tuple[Any, ...]], problem: Exception
) -> None:
    def fail(_: int) -> None:
        raise problem

    sent.clear()
    for _ in range(reactions.MOST_TRIES):
        make_due(event)
        reactions.react(TASK, event.pk, fail)
    pauses = [delay for _, _, delay in sent]
    assert pauses[:3] == [2, 4, 8]
    assert max(pauses) == reactions.LONGEST_PAUSE_SECONDS
    assert len(pauses) == reactions.MOST_TRIES - 1  # and then it is given up
    make_due(event)
    assert reactions.sweep_reactions() == 0
    assert owed(event).done_at is None


def test_two_workers_at_the_same_moment_run_it_once(event: Event) -> None:
    barrier, ran = threading.Barrier(4), []

    def work(function: Callable[[int], None]) -> None:
        barrier.wait(10)
        try:
            reactions.react(TASK, event.pk, function)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, [ran.append] * 4))
    assert ran == [event.pk]
