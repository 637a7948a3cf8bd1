"""The steps of a deployment: one function a status, each with a few quick calls to the cluster, none that waits.

    pending -> applying: send each object of the stage's stored bytes by server-side apply, in dependency order
    progressing: read the cluster, assess -> again later | next stage | prune and succeed | fail with its evidence
A step always reads the cluster, never a projection of it. Its move and its line in the timeline are written together or
not at all, so that a step which lost its row to a rollback leaves no trace.
"""

from __future__ import annotations

from collections.abc import Mapping

from apps.core.lifecycle import Again, Step

from .applying import apply, begin
from .following import follow
from .models import Status

STEPS: Mapping[str, Step] = {
    Status.PENDING: begin,
    Status.APPLYING: apply,
    Status.PROGRESSING: follow,
    Status.PAUSED: lambda _deployment: Again(3600),
}
