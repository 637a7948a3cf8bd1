"""Who runs PostgreSQL: it refuses root, so root lends it an ordinary user and a place which that user can reach."""

from __future__ import annotations

import hashlib
import os
import pwd
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import Refusal

CANDIDATES = ("postgres", "daemon", "nobody")
PLACE_OF_ROOT = Path("/var/lib/slipway")


@dataclass(frozen=True)
class Owner:
    """A user by number; None of both where we run as ourselves."""

    uid: int | None = None
    gid: int | None = None

    def give(self, path: Path) -> None:
        """Make the user own a path."""
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


def find_owner() -> Owner:
    """Return the user that PostgreSQL runs as."""
    if os.geteuid() != 0:
        return Owner()
    for name in CANDIDATES:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return Owner(found.pw_uid, found.pw_gid)
    raise Refusal(f"PostgreSQL refuses to run as root, and there is no user {', '.join(CANDIDATES)}: add one of them")


def find_place(wanted: Path, owner: Owner) -> Path:
    """Return the folder for PostgreSQL: the wanted one, or one of root's where the user cannot reach that."""
    if owner.uid is None or _can_reach(wanted):
        return wanted
    return PLACE_OF_ROOT / hashlib.sha256(str(wanted).encode()).hexdigest()[:12]


def _can_reach(path: Path) -> bool:
    """Return whether everybody may walk through all folders above `path`."""
    return all(parent.stat().st_mode & 0o001 for parent in path.parents if parent.exists())
