"""Processes by number and start time, so that a number used again is never mistaken.

Linux's /proc tells; where it is not mounted, as in a bare chroot, a process counts by its number alone.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
SELF = Path("/proc/self/stat")


def _stat(pid: int) -> list[str] | None:
    """Return the fields of /proc/PID/stat after the name: state, parent, …; None where there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def start_time(pid: int) -> int | None:
    """Return when a process started, in ticks since boot, or None where it is gone or a zombie."""
    if not SELF.exists():
        return 0 if _answers(pid) else None
    fields = _stat(pid)
    return int(fields[19]) if fields and fields[0] not in "ZX" else None


def _answers(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def is_alive(pid: int, started: int | None) -> bool:
    """Return whether the process that started then is still running."""
    return started is not None and start_time(pid) == started


def adopt_orphans() -> None:
    """Make this process the parent of its descendants' orphans, so that none escapes `kill_descendants`.

    https://man7.org/linux/man-pages/man2/PR_SET_CHILD_SUBREAPER.2const.html
    """
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants(pid: int) -> list[int]:
    """Return all processes below `pid`, none where /proc is not mounted."""
    children: dict[int, list[int]] = {}
    for number in (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()):
        if fields := _stat(number):
            children.setdefault(int(fields[1]), []).append(number)
    found: list[int] = []
    level = [pid]
    while level:
        level = [child for parent in level for child in children.get(parent, [])]
        found += level
    return found


def kill_descendants(pid: int) -> None:
    """Kill and reap everything below `pid`, until nothing is left; `pid` must be this process or gone."""
    while found := descendants(pid):
        for number in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, 0):
                pass


def signal_group(group: int, number: signal.Signals) -> None:
    """Send a signal to a process group, gone or not."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)
