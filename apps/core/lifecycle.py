"""Work as a row that short leased steps move forward.

A step begins by winning the lease (compare-and-set on `leased_until`, raising the fencing number `fence`), makes at most
one outside call, and writes what it learned under that number. Whoever bumps the fence (a rollback that supersedes, a new
lease after an expiry) makes the old holder's writes fail, so it stops. Between steps nothing waits: the row says when it
wants its next step (`next_step_at`), a countdown makes that fast and the sweep makes it certain.

    advance(Build, pk, STEPS):  load -> final? return -> lease? else return -> STEPS[status](row) -> Again(seconds) | None
                                errors: retryable -> back off; UserError -> failed; anything else -> errored
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, Self

import structlog
from celery.exceptions import SoftTimeLimitExceeded
from django.db import InterfaceError, OperationalError, close_old_connections, connection, models, transaction
from django.db.models import F, Q
from django.utils import timezone

from . import live
from .dispatch import enqueue
from .errors import IllegalTransition, PlatformError, SlipwayError, UserError
from .events import emit
from .masking import Redact, masked, nothing, unchanged

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=15)
HEARTBEAT_SECONDS = 5.0
FIRST_RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 30.0
EARLY = timedelta(milliseconds=50)  # clocks and countdowns are not exact


class LeaseLost(Exception):
    """Another holder moved the row on; the step ends without a word: no error, the work goes on elsewhere."""


class StepTooLong(PlatformError):
    """A step was cut off by the workers' time limit: slow tools, not a fault of the row."""

    retryable = True


@dataclass(frozen=True, slots=True)
class Again:
    """A step's answer: the status stays or moved, run the next step in `seconds`."""

    seconds: float = 0.0


class Lifecycle(models.Model):
    """Base of rows that are worked on. Subclasses set TRANSITIONS, ADVANCE and NOUN, and `status` choices."""

    TRANSITIONS: ClassVar[Mapping[str, frozenset[str]]]
    ADVANCE: ClassVar[str]  # the task that runs the next step, called with the primary key
    NOUN: ClassVar[str]  # events are `<NOUN>.<status>`
    FAILED: ClassVar[str] = "failed"
    ERRORED: ClassVar[str] = "errored"
    # Fields with words of other systems, which may quote a secret that they were sent.
    QUOTING: ClassVar[frozenset[str]] = frozenset({"error_params", "cause_params"})

    status = models.CharField(max_length=20)
    status_since = models.DateTimeField(default=timezone.now)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    deadline_at = models.DateTimeField(null=True, blank=True)
    next_step_at = models.DateTimeField(null=True, blank=True, default=timezone.now)
    leased_until = models.DateTimeField(null=True, blank=True)
    fence = models.BigIntegerField(default=0)
    attempts = models.PositiveIntegerField(default=0)  # tries of the present step that met a retryable error
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    error_code = models.CharField(max_length=80, blank=True, default="")
    error_params = models.JSONField(default=dict, blank=True)

    class Meta:
        abstract = True

    @classmethod
    def active_statuses(cls) -> frozenset[str]:
        """Return the statuses that work still goes on in."""
        return frozenset(status for status, following in cls.TRANSITIONS.items() if following)

    @classmethod
    def final_statuses(cls) -> frozenset[str]:
        """Return the statuses that nothing follows."""
        return frozenset(status for status, following in cls.TRANSITIONS.items() if not following)

    @property
    def is_final(self) -> bool:
        """Return whether nothing follows this status."""
        return not self.TRANSITIONS[self.status]

    def live_topics(self) -> list[str]:
        """Return what else open pages may be showing of this row, besides `<model>:<id>`."""
        return []

    def event_payload(self) -> dict[str, Any]:
        """Return what subscribers need to know without reading this row: ids and codes, no words of other systems."""
        return {}

    def make_redactor(self) -> Redact:
        """Return what masks the secrets that texts about this row may quote. Overridden by rows that know some."""
        return unchanged

    def redactor(self) -> Redact:
        """Return what takes secrets out of texts; what is stored in QUOTING, and what is logged, passes through it."""
        try:
            return self.make_redactor()
        except SlipwayError as exc:
            # A key that is gone must not keep a row from ending, nor let words through unread.
            log.warning("lifecycle.cannot_redact", noun=self.NOUN, row=self.pk, code=exc.code)
            return nothing

    def _masked(self, fields: dict[str, Any]) -> dict[str, Any]:
        quoting = {name for name in self.QUOTING if fields.get(name)}
        if not quoting:
            return fields
        redact = self.redactor()
        return fields | {name: masked(fields[name], redact) for name in quoting}

    def event_project_id(self) -> int | None:
        """Return the project that the row belongs to, for filtering events."""
        return None

    def held(self) -> models.QuerySet[Self]:
        """Return the row as a query under the fencing number: empty once somebody else holds it."""
        return type(self)._default_manager.filter(pk=self.pk, fence=self.fence)

    def record(self, **fields: Any) -> None:
        """Write what a step learned, under the fencing number, and announce it to open pages.

        Raises:
            LeaseLost: somebody else holds the row now.

        """
        fields = self._masked(fields)
        if not self.held().update(**fields):
            raise LeaseLost
        for name, value in fields.items():
            setattr(self, name, value)
        live.announce([f"{self._meta.model_name}:{self.pk}", *self.live_topics()])

    def transition(self, status: str, *, next_step_in: float = 0.0, **fields: Any) -> bool:
        """Move from the present status to `status` by compare-and-set, with its event, in one transaction.

        The lease is kept until the step ends. Returns False when the race was lost.

        Raises:
            IllegalTransition: the table does not allow that move.

        """
        if status not in self.TRANSITIONS[self.status]:
            raise IllegalTransition("lifecycle.illegal", noun=self.NOUN, old=self.status, new=status)
        now = timezone.now()
        final = not self.TRANSITIONS[status]
        fields = self._masked(fields) | {
            "status": status,
            "status_since": now,
            "attempts": 0,
            "finished_at": now if final else None,
            "next_step_at": None if final else now + timedelta(seconds=next_step_in),
        }
        if final:
            fields["leased_until"] = None
        with transaction.atomic():
            if not self.held().filter(status=self.status).update(**fields):
                return False
            previous = self.status
            for name, value in fields.items():
                setattr(self, name, value)
            emit(
                f"{self.NOUN}.{status}",
                self,
                project_id=self.event_project_id(),
                payload={"previous": previous, **self.event_payload()},
                topics=self.live_topics(),
            )
        return True

    def take_over(self, status: str, **fields: Any) -> bool:
        """Move to `status` from outside any lease and fence out whoever works on the row. Returns False when it was final.

        For what never waits: a rollback that supersedes, a cancel of a row nobody has started.

        Raises:
            IllegalTransition: the table does not allow that move.

        """
        with transaction.atomic():
            locked = type(self)._default_manager.select_for_update().get(pk=self.pk)
            if locked.is_final:
                return False
            locked.fence += 1
            type(self)._default_manager.filter(pk=self.pk).update(fence=locked.fence, leased_until=None)
            moved = locked.transition(status, **fields)
            for field in self._meta.concrete_fields:
                setattr(self, field.attname, getattr(locked, field.attname))
            return moved

    def request_cancel(self) -> bool:
        """Ask the next step to cancel and wake it. Returns False when the row is final or already asked."""
        asked = (
            type(self)
            ._default_manager.filter(pk=self.pk, status__in=self.active_statuses(), cancel_requested_at=None)
            .update(cancel_requested_at=timezone.now(), next_step_at=timezone.now())
        )
        if asked:
            self.refresh_from_db(fields=["cancel_requested_at", "next_step_at"])
            live.announce([f"{self._meta.model_name}:{self.pk}", *self.live_topics()])
            enqueue(self.ADVANCE, self.pk)
        return bool(asked)

    def wake(self) -> None:
        """Run the next step now rather than when it was due."""
        type(self)._default_manager.filter(pk=self.pk, status__in=self.active_statuses()).update(
            next_step_at=timezone.now()
        )
        enqueue(self.ADVANCE, self.pk)

    @contextmanager
    def lease(self) -> Iterator[bool]:
        """Hold the row for one step; yields False where somebody else does. A heartbeat prolongs it while the step runs."""
        now = timezone.now()
        won = (
            type(self)
            ._default_manager.filter(pk=self.pk, status=self.status, fence=self.fence)
            .filter(Q(leased_until=None) | Q(leased_until__lt=now))
            .update(leased_until=now + LEASE, fence=F("fence") + 1)
        )
        if not won:
            yield False
            return
        self.fence += 1
        heartbeat = _Heartbeat(self)
        heartbeat.start()
        try:
            yield True
        finally:
            heartbeat.stop()
            self.held().update(leased_until=None)


class _Heartbeat:
    """Prolongs a lease every few seconds from a thread with its own database connection."""

    def __init__(self, row: Lifecycle) -> None:
        self._model, self._pk, self._fence = type(row), row.pk, row.fence
        self._done = threading.Event()
        self._thread: threading.Thread | None = None
        # Most steps end before the first beat: no thread is started for those.
        self._timer = threading.Timer(HEARTBEAT_SECONDS, self._beat)
        self._timer.daemon = True

    def start(self) -> None:
        self._timer.start()

    def stop(self) -> None:
        self._done.set()
        self._timer.cancel()

    def _beat(self) -> None:
        try:
            while not self._done.is_set():
                close_old_connections()
                held = self._model._default_manager.filter(pk=self._pk, fence=self._fence, leased_until__isnull=False)
                if not held.update(leased_until=timezone.now() + LEASE):
                    return
                self._done.wait(HEARTBEAT_SECONDS)
        finally:
            connection.close()


Step = Callable[[Any], Again | None]


def advance(model: type[Lifecycle], pk: int, steps: Mapping[str, Step]) -> None:
    """Run one step of row `pk`: the one its status names. Rows that are unknown, final, leased or not due are left alone."""
    row = model._default_manager.filter(pk=pk).first()
    if row is None or row.is_final:
        return
    if row.next_step_at is not None and row.next_step_at > timezone.now() + EARLY:
        return  # another run has put the next step off: one row has one chain of steps, however often it was woken
    with row.lease() as won:
        if not won:
            return
        try:
            again = steps[row.status](row) or Again()
        except LeaseLost:
            return
        except SlipwayError as exc:
            again = _after_error(row, exc)
        except SoftTimeLimitExceeded:
            again = _after_error(row, StepTooLong("platform.step_too_long"))
        except (OperationalError, InterfaceError):
            raise  # the database is away: nothing can be written now, the sweep finds the row when the lease is over
        except Exception as exc:  # noqa: BLE001 - whatever a step did not expect ends its row; logged with its trace
            trace = _trace(row, exc)
            log.error("lifecycle.step_crashed", noun=row.NOUN, row=row.pk, status=row.status, exception=trace)
            _as_stored(row)
            if row.is_final:
                return  # it ended, and what crashed came after: the sweep makes up for it
            row.transition(row.ERRORED, error_code="platform.crashed", error_params={"type": type(exc).__name__})
            return
        if row.is_final:
            return
        # Only where nobody moved the row or asked to cancel meanwhile: their wish for a step at once is not put off.
        undisturbed = row.held().filter(status=row.status, cancel_requested_at=row.cancel_requested_at)
        if not undisturbed.update(next_step_at=timezone.now() + timedelta(seconds=again.seconds)):
            again = Again()
    enqueue(row.ADVANCE, row.pk, delay=again.seconds)


def _as_stored(row: Lifecycle) -> None:
    """Read the status again: a transaction that was rolled back leaves a move in memory that never happened."""
    row.refresh_from_db(fields=["status"])


def _trace(row: Lifecycle, exc: Exception) -> str:
    """Return the traceback with its causes, which quote what was sent and answered, without secrets."""
    return row.redactor()("".join(traceback.format_exception(exc)))


def _after_error(row: Lifecycle, exc: SlipwayError) -> Again:
    """Decide what an error means for the row: try again later, or end it."""
    _as_stored(row)
    if row.is_final:
        return Again()
    past_deadline = row.deadline_at is not None and timezone.now() > row.deadline_at
    if exc.retryable and not past_deadline:
        delay = min(LONGEST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** min(row.attempts, 10))
        delay = max(delay, float(getattr(exc, "retry_after", None) or 0))
        error = row.redactor()(str(exc))
        log.warning("lifecycle.retry", noun=row.NOUN, row=row.pk, status=row.status, error=error, delay=delay)
        row.record(attempts=row.attempts + 1, error_code=exc.code, error_params=exc.params)
        return Again(delay)
    if isinstance(exc, UserError):
        row.transition(row.FAILED, error_code=exc.code, error_params=exc.params)
    else:
        trace = _trace(row, exc)
        log.error("lifecycle.errored", noun=row.NOUN, row=row.pk, status=row.status, code=exc.code, exception=trace)
        row.transition(row.ERRORED, error_code=exc.code, error_params=exc.params)
    return Again()
