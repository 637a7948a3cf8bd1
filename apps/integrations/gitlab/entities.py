"""What the GitLab client answers with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Repository:
    """A GitLab project, which Slipway calls a repository. `path` is as in `group/name`."""

    id: int
    path: str
    name: str
    description: str
    default_branch: str  # empty while nothing was pushed
    url: str
    clone_url: str


@dataclass(frozen=True)
class Commit:
    """One commit."""

    sha: str
    title: str
    message: str
    author: str
    author_email: str
    authored_at: datetime
    url: str

    @property
    def short_sha(self) -> str:
        """Return the first eight digits, as GitLab shows them."""
        return self.sha[:8]


@dataclass(frozen=True)
class Branch:
    """A branch and the commit it points to."""

    name: str
    commit: Commit
    is_default: bool
    is_protected: bool


@dataclass(frozen=True)
class Tag:
    """A tag and the commit it points to; `message` is empty for a lightweight tag."""

    name: str
    commit: Commit
    message: str


@dataclass(frozen=True)
class ChangedFile:
    """A file that differs between two commits; the paths differ for a renamed one."""

    old_path: str
    new_path: str
    change: str  # added, removed, renamed, modified


@dataclass(frozen=True)
class Comparison:
    """What lies between two commits: the commits reachable from the second only, and the files that differ."""

    commits: tuple[Commit, ...]
    files: tuple[ChangedFile, ...]
    url: str


@dataclass(frozen=True)
class Hook:
    """A webhook of a repository. Its token can be set but never read."""

    id: int
    url: str
    push_events: bool
    tag_push_events: bool
