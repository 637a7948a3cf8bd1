"""The ways a build ends before it has a result, each with its cause."""

from __future__ import annotations

from typing import Any

from . import consolelog
from .models import Build, Status


def canceled(build: Build, **fields: Any) -> None:
    """End as canceled. A request of ours may name its cause already (a newer push); else somebody stopped it in Jenkins."""
    if build.cancel_requested_at is None:
        fields["cause_code"] = "build.aborted"
    build.transition(Status.CANCELED, **fields)


def deleted(build: Build, number: int) -> None:
    """End as errored: Jenkins has no run of that number any more."""
    consolelog.flush(build)
    params = {"number": number, "job": build.job}
    build.transition(Status.ERRORED, cause_code="build.deleted", cause_params=params)


def lost(build: Build) -> None:
    """End as errored: Jenkins was asked often enough."""
    build.transition(Status.ERRORED, cause_code="build.lost", cause_params={"count": build.triggers})
