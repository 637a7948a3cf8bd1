"""What people see while something is done: one line a step, with its seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

HEARTBEAT_SECONDS = 15.0


class Step:
    """One step on its way; `say()` shows how far it is."""

    def __init__(self, title: str) -> None:
        self.title = title
        self._started = self._shown = time.monotonic()
        self._live = sys.stdout.isatty()
        self.result = ""
        if self._live:
            self._write(f"  … {title}")

    @property
    def seconds(self) -> float:
        """Return how long it has been going on."""
        return time.monotonic() - self._started

    def say(self, detail: str) -> None:
        """Show a detail: at once on a terminal, now and then in a log."""
        if self._live:
            self._write(f"\r\033[K  … {self.title}: {detail[:90]} ({self.seconds:.0f} s)")
        elif time.monotonic() - self._shown > HEARTBEAT_SECONDS:
            self._shown = time.monotonic()
            self._write(f"  … {self.title}: {detail[:90]} ({self.seconds:.0f} s)\n")

    def end(self, mark: str) -> None:
        """Leave one line behind."""
        start = "\r\033[K" if self._live else ""
        detail = f": {self.result}" if self.result else ""
        self._write(f"{start}  {mark} {self.title}{detail} ({self.seconds:.1f} s)\n")

    @staticmethod
    def _write(text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()


@contextmanager
def step(title: str) -> Iterator[Step]:
    """Show a step from its beginning to its end."""
    current = Step(title)
    try:
        yield current
    except BaseException:
        current.end("✗")
        raise
    current.end("✓")


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """Return rows in columns, the first row as the head."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)
