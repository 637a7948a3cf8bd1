"""What an import has to say about live objects, and how it keeps track of what it has understood."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from apps.manifests.fields import Path, format_path

_LONGEST_VALUE = 60
_GONE = object()


class Level(StrEnum):
    """What becomes of something."""

    STOP = "stop"  # the application would not run without it, so it cannot be adopted
    LOST = "lost"  # the first release takes it away
    CHANGED = "changed"  # the platform does it in its own way from the first release on
    KEPT = "kept"  # stays as it is, and is not managed


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know before adopting: which object, where in it, what becomes of it."""

    level: Level
    code: str
    object: str
    path: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)


class Report:
    """The findings of one import."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []

    def add(self, level: Level, code: str, about: Taker, path: str = "", **params: Any) -> None:
        """Note one finding."""
        self.findings.append(Finding(level, code, about.object, path or format_path(about.at), params))

    def rest(self, taker: Taker) -> None:
        """Note everything that was not taken."""
        for path, value in taker.left():
            self.add(Level.LOST, "field", taker, format_path((*taker.at, *path)), value=_shown(value))


class Taker:
    """A part of a live object that is taken apart: what is taken is understood, what is left is told."""

    def __init__(self, value: Mapping[str, Any], about: str, at: Path = ()) -> None:
        self._value = copy.deepcopy(dict(value))
        self.object = about
        self.at = at

    def take(self, *path: str | int, default: Any = None) -> Any:
        """Return the value at a path and take it away."""
        *parents, last = path
        inside: Any = self._value
        for step in parents:
            inside = inside.get(step) if isinstance(inside, dict) else None
        found = inside.pop(last, _GONE) if isinstance(inside, dict) else _GONE
        return default if found is _GONE or found is None else found

    def drop(self, *path: str | int, equal: Any) -> None:
        """Take a value away where it is what the API server fills in by itself."""
        value = self.take(*path)
        if value is not None and value != equal:
            self.put(value, *path)

    def put(self, value: Any, *path: str | int) -> None:
        """Put a value back: it was not understood after all."""
        *parents, last = path
        inside: Any = self._value
        for step in parents:
            inside = inside.setdefault(step, {})
        inside[last] = value

    def part(self, *path: str | int) -> Taker:
        """Take an object out, to be taken apart by itself."""
        value = self.take(*path)
        return Taker(value if isinstance(value, dict) else {}, self.object, (*self.at, *path))

    def rows(self, *path: str | int) -> list[Taker]:
        """Take a list of objects out, each to be taken apart by itself."""
        rows = self.take(*path, default=[])
        return [Taker(row, self.object, (*self.at, *path, index)) for index, row in enumerate(rows)]

    def left(self) -> Iterator[tuple[Path, Any]]:
        """Yield what nobody took, leaf by leaf; empty objects say nothing."""
        yield from _leaves(self._value, ())


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _leaves(child, (*path, key))
    elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
        for index, child in enumerate(value):
            yield from _leaves(child, (*path, index))
    elif value not in (None, [], {}):
        yield path, value


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"
