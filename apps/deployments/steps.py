"""The steps of a deployment: one function a status, each with a few quick calls to the cluster, none that waits.

    pending -> applying: send each object of the stage's stored bytes by server-side apply, in dependency order
    progressing: read the cluster, assess -> again later | next stage | prune and succeed | fail with its evidence
    paused: a person holds the rollout -> progressing when somebody lets it go on
A restart and a scaling send one call in place of the bytes and are followed the same way; a removal deletes and waits
until all is gone. A step always reads the cluster, never a projection of it. Its move and its line in the timeline are
written together or not at all, so that a step which lost its row to a rollback leaves no trace.
"""

from __future__ import annotations

from collections.abc import Mapping

from apps.core.lifecycle import Again, Step

from . import applying, following, pausing, removing, restarting, scaling
from .models import Deployment, Status

_VERSION: Mapping[str, Step] = {
    Status.PENDING: removing.after_removal(applying.begin),
    Status.APPLYING: applying.apply,
    Status.PROGRESSING: pausing.pausable(following.follow),
    Status.PAUSED: pausing.hold,
}
_STEPS: Mapping[str, Mapping[str, Step]] = {
    Deployment.Kind.DEPLOY: _VERSION,
    Deployment.Kind.ROLLBACK: _VERSION,
    Deployment.Kind.REAPPLY: _VERSION,
    Deployment.Kind.RESTART: {
        Status.PENDING: restarting.begin,
        Status.APPLYING: restarting.send,
        Status.PROGRESSING: pausing.pausable(restarting.follow),
        Status.PAUSED: pausing.hold,
    },
    Deployment.Kind.SCALE: {
        Status.PENDING: scaling.begin,
        Status.APPLYING: scaling.send,
        Status.PROGRESSING: following.follow,
    },
    Deployment.Kind.REMOVAL: {
        Status.PENDING: removing.begin,
        Status.APPLYING: removing.delete,
        Status.PROGRESSING: removing.follow,
    },
}


def _step(deployment: Deployment) -> Again | None:
    """Run the step of the deployment's kind and status."""
    return _STEPS[deployment.kind][deployment.status](deployment)


STEPS: Mapping[str, Step] = dict.fromkeys((Status.PENDING, Status.APPLYING, Status.PROGRESSING, Status.PAUSED), _step)
