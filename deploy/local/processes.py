"""Know a process again: a pid alone may be somebody else's by now, so its start time and the boot go with it."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True)
class Identity:
    """One process of this boot."""

    pid: int
    started: int  # clock ticks since boot
    boot: str

    def is_alive(self) -> bool:
        """Return whether the process still runs (a zombie does not)."""
        return identify(self.pid) == self


def boot_id() -> str:
    """Return what tells this boot from all others."""
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()


def _stat(pid: int) -> list[str] | None:
    """Return the fields of /proc/PID/stat from the third (state) on, or None."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def identify(pid: int) -> Identity | None:
    """Return the identity of a running process, or None."""
    fields = _stat(pid)
    if fields is None or fields[0] in "ZX":
        return None
    return Identity(pid, int(fields[19]), boot_id())


def session_members(session: int) -> Iterator[int]:
    """Return the living processes of a session."""
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            fields = _stat(int(entry.name))
            if fields is not None and fields[0] not in "ZX" and int(fields[3]) == session:
                yield int(entry.name)


def kill_session(session: int, number: int = signal.SIGKILL) -> None:
    """Signal what is left of a session whose leader may be gone."""
    for pid in session_members(session):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)


def wait_until_gone(identity: Identity, seconds: float) -> bool:
    """Return whether the process ended within that time."""
    deadline = time.monotonic() + seconds
    while identity.is_alive():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def find_by_argument(text: str) -> list[int]:
    """Return the processes of this user that have `text` in their command line, ourselves left out."""
    found = []
    for entry in PROC.iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if entry.stat().st_uid == os.geteuid() and text.encode() in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found
