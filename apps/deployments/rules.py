"""The rules a deployment started with: how long its rollout may stand still, and when it is given up early."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from apps.integrations.kubernetes.abort_rules import GROUPS, AbortRules

from .models import Deployment

DEADLINE_SLACK = timedelta(seconds=30)
DEFAULT_PROGRESS_SECONDS = 600
# What the API server takes for "no deadline"; somebody has to end even such a rollout.
NO_DEADLINE = 2**31 - 1


def abort_rules(deployment: Deployment) -> AbortRules:
    """Return when to give up early; a deployment of before there were rules has the platform's."""
    recorded = dict(deployment.rules)
    recorded.pop("progress_seconds", None)
    if "at_once" in recorded:
        recorded["at_once"] = frozenset(recorded["at_once"]) & GROUPS.keys()
    return AbortRules(**recorded)


def patience(deployment: Deployment, objects: Sequence[Mapping[str, Any]]) -> timedelta:
    """Return how long a rollout of these objects may stand still before Slipway ends it.

    The cluster's own deadline is given a moment more, so that its word is heard; the application's rule is ours alone.
    """
    cluster = progress_deadline(objects) + DEADLINE_SLACK
    own = deployment.rules.get("progress_seconds")
    return min(cluster, timedelta(seconds=own)) if own else cluster


def progress_deadline(objects: Sequence[Mapping[str, Any]]) -> timedelta:
    """Return how long the cluster itself gives the rollout of these objects before it says that nothing moves."""
    given = [int(item["spec"].get("progressDeadlineSeconds") or 0) for item in objects if item["kind"] == "Deployment"]
    return timedelta(seconds=max((each for each in given if 0 < each < NO_DEADLINE), default=DEFAULT_PROGRESS_SECONDS))
