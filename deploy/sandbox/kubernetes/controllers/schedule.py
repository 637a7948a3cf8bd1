"""Cron expressions: five fields, or @hourly and the like.

https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-syntax
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

_NAMED = {
    "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
}  # fmt: skip
_FIELDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FURTHEST = dt.timedelta(days=366 * 5)
_MINUTE = dt.timedelta(minutes=1)


class InvalidScheduleError(ValueError):
    """No cron expression."""


@dataclass(frozen=True)
class Schedule:
    """The minutes at which something happens."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool

    @classmethod
    def parse(cls, text: str) -> Schedule:
        """Return the schedule written as `text`.

        Raises:
            InvalidScheduleError: it is none.
        """
        parts = _NAMED.get(text.strip().lower(), text).split()
        if len(parts) != len(_FIELDS):
            raise InvalidScheduleError(f"expected exactly 5 fields, found {len(parts)}: [{text}]")
        minute, hour, day, month, weekday = (
            _numbers(part, low, high, names)
            for part, (low, high), names in zip(parts, _FIELDS, ((), (), (), _MONTHS, _DAYS), strict=True)
        )
        weekday = frozenset(each % 7 for each in weekday)
        return cls(minute, hour, day, month, weekday, parts[2][0] in "*?", parts[4][0] in "*?")

    def matches(self, moment: dt.datetime) -> bool:
        """Return whether it happens in that minute."""
        if moment.minute not in self.minutes or moment.hour not in self.hours or moment.month not in self.months:
            return False
        day, weekday = moment.day in self.days, moment.isoweekday() % 7 in self.weekdays
        return (day and weekday) if self.any_day or self.any_weekday else (day or weekday)

    def after(self, moment: dt.datetime) -> dt.datetime:
        """Return the first time after `moment`.

        Raises:
            InvalidScheduleError: it never happens.
        """
        start = moment
        moment = moment.replace(second=0, microsecond=0) + _MINUTE
        while not self.matches(moment):
            if moment - start > _FURTHEST:
                raise InvalidScheduleError("never happens")
            if moment.month not in self.months or not self._day_fits(moment):
                moment = (moment + dt.timedelta(days=1)).replace(hour=0, minute=0)
            elif moment.hour not in self.hours:
                moment = (moment + dt.timedelta(hours=1)).replace(minute=0)
            else:
                moment += _MINUTE
        return moment

    def _day_fits(self, moment: dt.datetime) -> bool:
        day, weekday = moment.day in self.days, moment.isoweekday() % 7 in self.weekdays
        return (day and weekday) if self.any_day or self.any_weekday else (day or weekday)

    def latest(self, since: dt.datetime, until: dt.datetime) -> dt.datetime | None:
        """Return the last time after `since` and not after `until`, or None. Times long missed are passed over."""
        found = None
        moment = max(since, until - dt.timedelta(days=1))
        while (moment := self.after(moment)) <= until:
            found = moment
        return found


def _numbers(text: str, low: int, high: int, names: tuple[str, ...]) -> frozenset[int]:
    found: set[int] = set()
    for part in text.lower().split(","):
        span, _, step_text = part.partition("/")
        step = _number(step_text) if step_text or "/" in part else 1
        if span in ("*", "?"):
            first, last = low, high
        elif "-" in span:
            first_text, _, last_text = span.partition("-")
            first, last = _named(first_text, names, low), _named(last_text, names, low)
        else:
            first = _named(span, names, low)
            last = high if "/" in part else first
        if not (low <= first <= last <= high) or step < 1:
            raise InvalidScheduleError(f"out of range: {part}")
        found.update(range(first, last + 1, step))
    return frozenset(found)


def _named(text: str, names: tuple[str, ...], low: int) -> int:
    return names.index(text[:3]) + low if text[:3] in names else _number(text)


def _number(text: str) -> int:
    if not text.isdigit():
        raise InvalidScheduleError(f"not a number: {text!r}")
    return int(text)
