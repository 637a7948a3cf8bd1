"""What the Harbor client answers with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

SEVERITIES = ("Critical", "High", "Medium", "Low", "Negligible", "Unknown")


@dataclass(frozen=True)
class Health:
    """Whether Harbor and each of its parts are well."""

    healthy: bool
    unhealthy: tuple[str, ...] = ()


@dataclass(frozen=True)
class Project:
    """A Harbor project."""

    id: int
    name: str
    public: bool
    repositories: int = 0


@dataclass(frozen=True)
class Tag:
    """A name of an artifact."""

    name: str
    pushed_at: datetime | None = None


@dataclass(frozen=True)
class ScanOverview:
    """What the scanner found. `finished` is False while it runs; `failed` when it could not."""

    status: str
    severity: str
    counts: Mapping[str, int] = field(hash=False)
    fixable: int
    scanner: str
    finished_at: datetime | None

    @property
    def finished(self) -> bool:
        """Return whether there is a result to judge by."""
        return self.status == "Success"

    @property
    def failed(self) -> bool:
        """Return whether the scan ended without a result."""
        return self.status in ("Error", "Stopped")


@dataclass(frozen=True)
class Artifact:
    """One image (or index) of a repository."""

    digest: str
    size: int
    pushed_at: datetime | None
    tags: tuple[Tag, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)  # of the image's own configuration
    scan: ScanOverview | None = None


@dataclass(frozen=True)
class Robot:
    """A robot account. `secret` is only known when it was just made."""

    id: int
    name: str
    expires_at: datetime | None
    secret: str = field(default="", repr=False)
