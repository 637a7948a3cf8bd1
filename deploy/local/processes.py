"""Know a process again: a pid alone may be somebody else's by now, so its start time and the boot go with it."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
LISTEN = "0A"


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


def identify(pid: int, *, ended: bool = False) -> Identity | None:
    """Return the identity of a running process (with `ended`, also of one that nobody has waited for), or None."""
    fields = _stat(pid)
    if fields is None or (fields[0] in "ZX" and not ended):
        return None
    return Identity(pid, int(fields[19]), boot_id())


def session_members(leader: Identity) -> list[int]:
    """Return the living processes of the session that `leader` began, also when the leader itself is gone.

    Session 0 (the kernel's, and whatever came into a container from outside), our own session, another boot's,
    and one whose number has been given to somebody else meanwhile are nobody's business here.
    """
    if leader.pid <= 1 or leader.pid == os.getsid(0) or leader.boot != boot_id():
        return []
    fields = _stat(leader.pid)
    if fields is not None and int(fields[19]) != leader.started:
        return []
    found = []
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            fields = _stat(int(entry.name))
            if (
                fields is not None
                and fields[0] not in "ZX"
                and int(fields[3]) == leader.pid
                and int(fields[19]) >= leader.started
            ):
                found.append(int(entry.name))
    return found


def listens(leader: Identity, port: int) -> bool:
    """Return whether a process of the session that `leader` began listens on a port of IPv4.

    https://docs.kernel.org/networking/proc_net_tcp.html
    """
    rows = [line.split() for line in (PROC / "net/tcp").read_text().splitlines()[1:]]
    sockets = {f"socket:[{row[9]}]" for row in rows if row[3] == LISTEN and row[1].endswith(f":{port:04X}")}
    for pid in session_members(leader):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            for descriptor in (PROC / str(pid) / "fd").iterdir():
                with contextlib.suppress(OSError):
                    if str(descriptor.readlink()) in sockets:
                        return True
    return False


def kill_session(leader: Identity) -> None:
    """Kill what is left of a session whose leader may be gone."""
    for pid in session_members(leader):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def wait_until_gone(identity: Identity, seconds: float) -> bool:
    """Return whether the process ended within that time."""
    deadline = time.monotonic() + seconds
    while identity.is_alive():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def find_modules(package: str, folder: Path) -> list[Identity]:
    """Return this user's processes that run `python -m PACKAGE…` with an argument or an open file below `folder`."""
    found = []
    for entry in PROC.iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            arguments = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            module = next((after for option, after in itertools.pairwise(arguments) if option == "-m"), "")
            is_ours = module == package or module.startswith(f"{package}.")
            if is_ours and entry.stat().st_uid == os.geteuid() and _touches(entry, arguments, f"{folder}/"):
                identity = identify(int(entry.name))
                found += [identity] if identity is not None else []
    return found


def _touches(entry: Path, arguments: list[str], folder: str) -> bool:
    if any(argument.startswith(folder) for argument in arguments):
        return True
    for descriptor in (entry / "fd").iterdir():
        with contextlib.suppress(OSError):  # closed meanwhile
            if str(descriptor.readlink()).startswith(folder):
                return True
    return False
