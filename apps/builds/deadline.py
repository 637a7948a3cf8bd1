"""A build past its deadline is stopped in Jenkins, and ends once nothing of it is left there."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import wraps

from django.utils import timezone

from apps.core.lifecycle import Again, Step
from apps.integrations.errors import Unavailable

from . import consolelog, runs
from .models import Build, Status

STOPPING = timedelta(minutes=2)  # how long after its deadline a run may take to stop, or Jenkins to be asked


def in_time(step: Step) -> Step:
    """Wrap a step so that a build past its deadline is stopped and ends as errored.

    A step that went well also takes back what an earlier try had to complain of.
    """

    @wraps(step)
    def run(build: Build) -> Again | None:
        if build.deadline_at is None or timezone.now() < build.deadline_at:
            again = step(build)
            if build.error_code:
                build.record(error_code="", error_params={}, attempts=0)
            return again
        return _stop_overdue(build, build.deadline_at)

    return run


def _stop_overdue(build: Build, deadline: datetime) -> Again | None:
    patient = timezone.now() < deadline + STOPPING
    try:
        left = runs.stop(runs.client_of(build), build)
    except Unavailable:
        if not patient:
            raise
        return Again(5.0)
    if left and (patient or runs.in_flight(build)):
        return Again(2.0)
    consolelog.flush(build)
    minutes = round((deadline - build.created_at).total_seconds() / 60)
    build.transition(Status.ERRORED, cause_code="build.timed_out", cause_params={"minutes": minutes})
    return None
