"""Numbers as people read them: durations, sizes, shortened ids."""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import gettext as _

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_STEP = 1024
_MINUTE, _HOUR, _DAY = 60, 3600, 86400
_WITH_TENTHS = 10
NOTHING = "\N{EN DASH}"  # what a page shows where there is no value


def duration_text(value: timedelta | float | None) -> str:
    """Return a duration with the two units that matter: `0.4 s`, `42 s`, `3 m 05 s`, `2 h 10 m`, `3 d 4 h`."""
    if value is None:
        return NOTHING
    seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)
    seconds = max(seconds, 0.0)
    if seconds < _WITH_TENTHS and round(seconds, 1) % 1:
        return _("{seconds} s").format(seconds=f"{seconds:.1f}")
    whole = round(seconds)
    if whole < _MINUTE:
        return _("{seconds} s").format(seconds=whole)
    if whole < _HOUR:
        return _("{minutes} m {seconds} s").format(minutes=whole // _MINUTE, seconds=f"{whole % _MINUTE:02d}")
    if whole < _DAY:
        return _("{hours} h {minutes} m").format(hours=whole // _HOUR, minutes=f"{whole % _HOUR // _MINUTE:02d}")
    return _("{days} d {hours} h").format(days=whole // _DAY, hours=whole % _DAY // _HOUR)


def bytes_text(value: float | None) -> str:
    """Return a size in binary units with three significant digits: `512 B`, `1.5 KiB`, `128 MiB`."""
    if value is None:
        return NOTHING
    size = float(value)
    for unit in _UNITS:
        # 1023.5 would print as 1024 of the smaller unit.
        if abs(size) < _STEP - 0.5 or unit == _UNITS[-1]:
            break
        size /= _STEP
    text = f"{size:.1f}" if abs(size) < _WITH_TENTHS and unit != "B" else f"{size:.0f}"
    return f"{text.removesuffix('.0')} {unit}"


def short_sha_text(value: str) -> str:
    """Return the first eight digits of a commit."""
    return value[:8]


def short_digest_text(value: str) -> str:
    """Return the first twelve digits of a digest, without its algorithm."""
    return value.rpartition(":")[2][:12]


def initials(name: str) -> str:
    """Return up to two letters that stand for a person."""
    words = [word for word in name.replace(".", " ").replace("-", " ").replace("_", " ").split() if word]
    return "".join(word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words))[:2]
