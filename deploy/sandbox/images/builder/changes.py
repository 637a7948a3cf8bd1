"""What a step changed in an unpacked root, as entries of a layer."""

from __future__ import annotations

import os
import posixpath
import stat
from dataclasses import dataclass
from pathlib import Path

from deploy.sandbox.images.oci import EPOCH, Entry
from deploy.sandbox.isolation import MOUNT_POINTS
from deploy.sandbox.isolation.userland import python_prefix


@dataclass(frozen=True)
class Mark:
    """What tells that a file is still the same. The change time alone would do for files, but not for folders."""

    mode: int
    content: tuple[int, ...]


Snapshot = dict[str, Mark]


def snapshot(root: Path) -> Snapshot:
    """Return the marks of everything in a root that belongs to the image (and not to the borrowed userland)."""
    found: Snapshot = {}
    pending = [""]
    while pending:
        folder = pending.pop()
        with os.scandir(root / folder) as entries:
            for entry in entries:
                path = posixpath.join(folder, entry.name)
                if _borrowed(path):
                    continue
                status = entry.stat(follow_symlinks=False)
                is_folder = stat.S_ISDIR(status.st_mode)
                content = () if is_folder else (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
                found[path] = Mark(status.st_mode, content)
                if is_folder:
                    pending.append(path)
    return found


def between(before: Snapshot, after: Snapshot, root: Path) -> list[Entry]:
    """Return the entries of the layer that leads from one snapshot to the next."""
    entries = []
    for path, mark in after.items():
        if before.get(path) != mark and not _leads_to_python(path):
            entry = Entry.of(path, root / path)
            if entry is not None:
                entries.append(entry)
    for path in before.keys() - after.keys():
        folder = posixpath.dirname(path)
        if not folder or folder in after:  # the mark of a lost folder stands for what was in it
            entries.append(Entry.whiteout(path))
    return entries


def settle(entries: list[Entry], root: Path) -> None:
    """Give everything that changed the time that it has in the layer: a cached step must leave the same root."""
    for entry in entries:
        place = root / entry.path
        if place.is_symlink() or place.exists():
            os.utime(place, (EPOCH, EPOCH), follow_symlinks=False)


def _borrowed(path: str) -> bool:
    absolute = f"/{path}"
    return absolute in MOUNT_POINTS or absolute == python_prefix()


def _leads_to_python(path: str) -> bool:
    """Return whether a folder is only there as the way to the mounted Python of this machine."""
    return python_prefix().startswith(f"/{path}/")
