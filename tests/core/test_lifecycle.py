"""The laws of every lifecycle: one holder at a time, who lost the row writes nothing, nothing is forgotten."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import redis
import structlog
from celery.exceptions import SoftTimeLimitExceeded
from cryptography.fernet import Fernet
from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from apps.builds.models import Build, Status
from apps.core import lifecycle
from apps.core.errors import IllegalTransition, InvalidInput, SlipwayError
from apps.core.lifecycle import Again, LeaseLost, advance
from apps.core.models import Event
from apps.core.sweep import sweep
from apps.manifests import services as manifests
from tests import factories

from .rows import build

pytestmark = pytest.mark.django_db(transaction=True)


class Busy(SlipwayError):
    """A tool that cannot serve now."""

    retryable = True


def in_thread(work: Callable[[], Any]) -> threading.Thread:
    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def sent() -> list[tuple[str, str]]:
    """Return task and arguments of every message in the queues, oldest first, and empty them."""
    client = redis.Redis.from_url(settings.CELERY_BROKER_URL)
    found = []
    for queue in ("slow", "apply"):
        while (message := client.rpop(queue)) is not None:
            headers = json.loads(message)["headers"]
            found.append((headers["task"], headers["argsrepr"]))
    return found


@pytest.fixture(autouse=True)
def empty_queues() -> None:
    sent()


def test_a_step_moves_the_row_and_asks_for_the_next() -> None:
    row = build()

    def pending(held: Build) -> Again:
        assert held.leased_until is not None or Build.objects.get(pk=held.pk).leased_until is not None
        assert held.transition(Status.QUEUED, queue_item_id=7)
        return Again(3)

    advance(Build, row.pk, {Status.PENDING: pending})
    row.refresh_from_db()
    assert (row.status, row.queue_item_id, row.leased_until) == (Status.QUEUED, 7, None)
    assert row.next_step_at is not None
    assert 2 < (row.next_step_at - timezone.now()).total_seconds() <= 3
    assert Event.objects.get(name="build.queued").payload["previous"] == Status.PENDING
    assert ("builds.advance", f"[{row.pk}]") in sent() or ("builds.advance", f"({row.pk},)") in sent()


def test_two_workers_at_once_make_one_step() -> None:
    row = build()
    inside, leave, calls = threading.Event(), threading.Event(), []

    def pending(held: Build) -> None:
        calls.append(held.pk)
        inside.set()
        assert leave.wait(10)

    first = in_thread(lambda: advance(Build, row.pk, {Status.PENDING: pending}))
    assert inside.wait(10)
    advance(Build, row.pk, {Status.PENDING: pending})
    leave.set()
    first.join(10)
    assert calls == [row.pk]


def test_who_is_fenced_out_writes_nothing() -> None:
    row = build()
    refused = []

    def pending(held: Build) -> None:
        assert Build.objects.get(pk=held.pk).take_over(Status.CANCELED)
        try:
            held.record(job="too late")
        except LeaseLost:
            refused.append("record")
            raise

    advance(Build, row.pk, {Status.PENDING: pending})
    row.refresh_from_db()
    assert refused == ["record"]
    assert (row.status, row.job) == (Status.CANCELED, "")


def test_a_transition_that_lost_the_race_says_so() -> None:
    row = build()
    late = Build.objects.get(pk=row.pk)
    assert row.take_over(Status.CANCELED)
    assert late.transition(Status.QUEUED) is False
    assert Build.objects.get(pk=row.pk).status == Status.CANCELED


def test_a_killed_workers_row_is_taken_when_its_lease_is_over() -> None:
    row = build(leased_until=timezone.now() + timedelta(seconds=30), fence=3)
    calls: list[int] = []
    advance(Build, row.pk, {Status.PENDING: lambda held: calls.append(held.fence)})
    assert calls == []
    Build.objects.filter(pk=row.pk).update(leased_until=timezone.now() - timedelta(seconds=1))
    advance(Build, row.pk, {Status.PENDING: lambda held: calls.append(held.fence)})
    assert calls == [4]


def test_a_long_step_keeps_its_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "HEARTBEAT_SECONDS", 0.05)
    row = build()
    grew = []

    def pending(held: Build) -> None:
        first = Build.objects.get(pk=held.pk).leased_until
        until = time.monotonic() + 10
        while time.monotonic() < until:
            now = Build.objects.get(pk=held.pk).leased_until
            if now is not None and first is not None and now > first:
                grew.append(True)
                return
            time.sleep(0.02)

    advance(Build, row.pk, {Status.PENDING: pending})
    assert grew
    assert Build.objects.get(pk=row.pk).leased_until is None


def raising(error: Exception) -> Callable[[Build], None]:
    def step(_row: Build) -> None:
        raise error

    return step


def test_errors_end_where_they_belong() -> None:
    ends = {
        InvalidInput("input.invalid"): (Status.FAILED, "input.invalid"),
        SlipwayError("platform.crashed"): (Status.ERRORED, "platform.crashed"),
        ZeroDivisionError(): (Status.ERRORED, "platform.crashed"),
    }
    for error, expected in ends.items():
        row = build()
        advance(Build, row.pk, {Status.PENDING: raising(error)})
        row.refresh_from_db()
        assert (row.status, row.error_code) == expected
        assert row.finished_at is not None


def test_what_can_be_tried_again_is_with_growing_pauses() -> None:
    row = build()
    pauses = []
    for _ in range(4):
        advance(Build, row.pk, {Status.PENDING: raising(Busy("integration.unavailable"))})
        row.refresh_from_db()
        assert row.next_step_at is not None
        pauses.append(round((row.next_step_at - timezone.now()).total_seconds()))
        Build.objects.filter(pk=row.pk).update(next_step_at=timezone.now())
    assert row.status == Status.PENDING
    assert pauses == [1, 2, 4, 8]


def test_past_its_deadline_nothing_is_tried_again() -> None:
    row = build(deadline_at=timezone.now() - timedelta(seconds=1))
    advance(Build, row.pk, {Status.PENDING: raising(Busy("integration.unavailable"))})
    assert Build.objects.get(pk=row.pk).status == Status.ERRORED


def test_the_table_of_moves_is_the_law() -> None:
    row = build()
    with pytest.raises(IllegalTransition):
        row.transition(Status.SUCCEEDED)
    assert Build.objects.get(pk=row.pk).status == Status.PENDING


def test_a_step_that_is_not_due_waits() -> None:
    row = build(next_step_at=timezone.now() + timedelta(seconds=30))
    advance(Build, row.pk, {Status.PENDING: raising(AssertionError("was run"))})
    assert Build.objects.get(pk=row.pk).status == Status.PENDING


def test_cancel_is_asked_once_and_wakes_the_row() -> None:
    row = build(next_step_at=timezone.now() + timedelta(hours=1))
    assert row.request_cancel() is True
    assert row.request_cancel() is False
    assert row.next_step_at is not None
    assert row.next_step_at <= timezone.now()
    assert [task for task, _ in sent()] == ["builds.advance"]


def test_the_sweep_finds_what_is_due_and_only_that() -> None:
    past = timezone.now() - timedelta(minutes=1)
    due, leased, later = build(next_step_at=past), build(next_step_at=past), build()
    Build.objects.filter(pk=leased.pk).update(leased_until=timezone.now() + timedelta(seconds=15))
    Build.objects.filter(pk=later.pk).update(next_step_at=timezone.now() + timedelta(minutes=1))
    final = build(next_step_at=past, status=Status.CANCELED)
    sweep()
    woken = "".join(arguments for task, arguments in sent() if task == "builds.advance")
    assert str(due.pk) in woken
    assert not any(f"[{row.pk}]" in woken or f"({row.pk},)" in woken for row in (leased, later, final))


@pytest.mark.parametrize(
    "problem", [OperationalError("deadlock detected"), InterfaceError("connection already closed")]
)
def test_database_that_goes_away_does_not_end_the_row(problem: Exception) -> None:
    row = build()

    def lose(_: Build) -> None:
        raise problem

    with pytest.raises(type(problem)):
        advance(Build, row.pk, {Status.PENDING: lose})
    row.refresh_from_db()
    assert (row.status, row.leased_until) == (Status.PENDING, None)
    advance(Build, row.pk, {Status.PENDING: lambda found: found.transition(Status.QUEUED) and None})
    row.refresh_from_db()
    assert row.status == Status.QUEUED


def test_a_step_that_is_cut_off_for_its_length_is_tried_again() -> None:
    row = build()
    advance(Build, row.pk, {Status.PENDING: raising(SoftTimeLimitExceeded())})
    row.refresh_from_db()
    assert (row.status, row.attempts, row.error_code) == (Status.PENDING, 1, "platform.step_too_long")


def test_a_move_that_was_rolled_back_does_not_leave_the_row_behind() -> None:
    row = build()

    def pending(held: Build) -> None:
        with transaction.atomic():
            assert held.transition(Status.CANCELED)
            raise ZeroDivisionError

    advance(Build, row.pk, {Status.PENDING: pending})
    row.refresh_from_db()
    assert (row.status, row.error_code) == (Status.ERRORED, "platform.crashed")


@pytest.mark.parametrize("disturb", ["cancel", "move"])
def test_what_happens_to_a_row_during_a_long_step_is_not_put_off(disturb: str) -> None:
    row = build()

    def pending(held: Build) -> Again:
        other = Build.objects.get(pk=held.pk)
        if disturb == "cancel":
            assert other.request_cancel()
        else:
            assert other.transition(Status.QUEUED)
        return Again(3600)

    advance(Build, row.pk, {Status.PENDING: pending})
    row.refresh_from_db()
    assert row.next_step_at is not None
    assert row.next_step_at <= timezone.now()
    assert sent()[-1][0] == "builds.advance"


SECRET = "hunter2-of-the-shop"


class Answered(SlipwayError):
    """A tool that quotes what it was sent."""

    retryable = True


def quoting(_row: Build) -> Again:
    try:
        raise ValueError(f"refused: {SECRET}")
    except ValueError as exc:
        raise Answered("integration.rejected", message=f"cannot use {SECRET}", seen=[{"value": SECRET}]) from exc


def with_secret(**fields: Any) -> Build:
    row = build(**fields)
    manifests.set_secret(
        application=row.application, key="KEY", value=SECRET, actor=factories.actor(factories.user(is_superuser=True))
    )
    return row


@pytest.mark.parametrize("late", [False, True])
def test_what_a_tool_quotes_is_masked_in_the_row_and_in_the_log(late: bool, capsys: pytest.CaptureFixture[str]) -> None:
    row = with_secret(deadline_at=timezone.now() - timedelta(seconds=1) if late else None)
    with structlog.testing.capture_logs() as lines:
        advance(Build, row.pk, {Status.PENDING: quoting})
    row.refresh_from_db()
    assert row.status == (Status.ERRORED if late else Status.PENDING)
    assert row.error_params == {"message": "cannot use ***", "seen": [{"value": "***"}]}
    assert SECRET not in str(lines) + capsys.readouterr().err
    assert any("***" in str(line) for line in lines)
    if late:
        assert "ValueError: refused: ***" in str(lines)


def test_a_crash_is_logged_without_secrets() -> None:
    row = with_secret()

    def crash(_row: Build) -> Again:
        raise KeyError(SECRET)

    with structlog.testing.capture_logs() as lines:
        advance(Build, row.pk, {Status.PENDING: crash})
    assert lines[-1]["exception"].endswith("KeyError: '***'\n")
    assert SECRET not in str(lines)


def test_causes_are_masked_whoever_writes_them() -> None:
    row = with_secret()
    row.transition(Status.FAILED, cause_code="build.stage_failed", cause_params={"detail": f"said {SECRET}", "n": 1})
    row.refresh_from_db()
    assert row.cause_params == {"detail": "said ***", "n": 1}


def test_nothing_is_quoted_where_the_secrets_cannot_be_read(settings: Any) -> None:
    row = with_secret()
    settings.FIELD_KEYS = [Fernet.generate_key().decode()]
    advance(Build, row.pk, {Status.PENDING: quoting})
    row.refresh_from_db()
    assert row.error_params == {"message": "***", "seen": [{"value": "***"}]}
