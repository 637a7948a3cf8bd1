"""The steps of a build: one function a status, each with a few quick calls to Jenkins or Harbor, none that waits.

    pending -> the job is what it should be; look for a run with our id; only if there is none, trigger
    queued  -> the run's number | forgotten: look for the run by our id; proven never started: trigger once more
    running -> stages and log as they grow; ended: verifying | failed (the stage and why) | canceled
    verifying -> the report against its schema, the digest in Harbor, the scan gate -> succeeded | failed
Webhooks only wake these steps; what counts is what Jenkins and Harbor say when they are asked. In any status, a build past
its deadline is stopped first.
"""

from __future__ import annotations

from collections.abc import Mapping

from apps.core.lifecycle import Step

from .deadline import in_time
from .following import follow
from .models import Status
from .triggering import start, wait_in_queue
from .verifying import verify

STEPS: Mapping[str, Step] = {
    Status.PENDING: in_time(start),
    Status.QUEUED: in_time(wait_in_queue),
    Status.RUNNING: in_time(follow),
    Status.VERIFYING: in_time(verify),
}
