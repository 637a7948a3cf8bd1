"""What the Jenkins client answers with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Result(StrEnum):
    """How a run ended, in Jenkins' words."""

    SUCCESS = "SUCCESS"
    UNSTABLE = "UNSTABLE"
    FAILURE = "FAILURE"
    NOT_BUILT = "NOT_BUILT"
    ABORTED = "ABORTED"


@dataclass(frozen=True)
class QueueItem:
    """A requested run that waits, has left the queue for a run, or was canceled. Forgotten after about five minutes."""

    id: int
    why: str
    canceled: bool
    number: int | None  # of the run it became
    parameters: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class BuildRun:
    """One run of a job. `result` is None until it has ended."""

    number: int
    url: str
    building: bool
    result: Result | None
    started_at: datetime
    seconds: float
    queue_id: int | None
    parameters: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Stage:
    """One stage of a pipeline run, as the stage view shows it."""

    id: str
    name: str
    status: str  # IN_PROGRESS, SUCCESS, FAILED, ABORTED, NOT_EXECUTED, UNSTABLE, PAUSED_PENDING_INPUT
    started_at: datetime | None
    seconds: float
    error: str = ""


@dataclass(frozen=True)
class LogChunk:
    """A piece of a console log: read on from `next_offset` while `more`.

    Bytes, because it ends wherever Jenkins had written to, which may be inside a character.
    """

    content: bytes
    next_offset: int
    more: bool
