"""How much memory a container's processes hold, as a control group would charge it."""

from __future__ import annotations

from pathlib import Path


def tree(pid: int) -> list[int]:
    """Return a process and all its descendants."""
    found = [pid]
    for parent in found:
        try:
            text = "".join(path.read_text() for path in Path(f"/proc/{parent}/task").glob("*/children"))
        except OSError:
            continue
        found += [int(child) for child in text.split()]
    return found


def used(pid: int) -> int:
    """Return the bytes of anonymous and shared memory of a process and its descendants; libraries on disk are not counted."""
    total = 0
    for process in tree(pid):
        try:
            status = Path(f"/proc/{process}/status").read_text()
        except OSError:
            continue
        for line in status.splitlines():
            if line.startswith(("RssAnon:", "RssShmem:")):
                total += int(line.split()[1]) * 1024
    return total
