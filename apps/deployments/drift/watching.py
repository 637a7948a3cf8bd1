"""The step of a drift watch: compare now and then, at a bounded cost, and never hold a worker for a cluster.

    due -> nothing deployed? forget | going on, in maintenance, cluster away? later | read, compare, store -> later
However many applications a cluster has, it is asked for one every half second at most: more of them wait longer.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

from django.utils import timezone

from apps.clusters import breaker
from apps.clusters import selectors as clusters
from apps.core.errors import SlipwayError
from apps.core.lifecycle import Again, Step
from apps.deployments import selectors
from apps.deployments.models import Deployment, DriftWatch
from apps.integrations.errors import Unavailable
from apps.manifests.sealing import UnboundSecret

from . import reading

Status = DriftWatch.Status

LEAST_SECONDS = 600.0
SECONDS_PER_APPLICATION = 0.5
BUSY_SECONDS = 30.0
MAINTENANCE_SECONDS = 60.0
REST_SECONDS = 3600.0


def check(watch: DriftWatch) -> Again:
    """Compare one application on one target with what was last deployed there."""
    target, application = watch.target, watch.application
    live = selectors.live_deployment(application, target)
    if live is None or application.archived_at is not None:
        watch.held().delete()  # the next deployment that succeeds makes a new one
        return Again()
    if selectors.active_deployment(application, target) is not None:
        return Again(BUSY_SECONDS)
    applied = selectors.last_applied(application, target)
    if applied is not None and applied.pk != live.pk:
        return _cannot(watch, "drift.later_attempt", number=applied.number)
    if target.cluster.in_maintenance:
        watch.record(error_code="cluster.maintenance", error_params=clusters.maintenance_params(target.cluster))
        return Again(MAINTENANCE_SECONDS)
    with breaker.turn(target.cluster_id, lane="drift") as wait:
        return Again(wait + _jitter(BUSY_SECONDS)) if wait else _compare(watch, live)


def rest(watch: DriftWatch) -> Again:
    """Leave alone for long what made a step crash."""
    watch.transition(Status.UNKNOWN)
    return Again(REST_SECONDS)


def _compare(watch: DriftWatch, live: Deployment) -> Again:
    stored = selectors.final_stage(live).manifest_set
    try:
        with breaker.watch(watch.target.cluster_id, Unavailable):
            found = reading.look(watch.application, watch.target, stored)
    except UnboundSecret as exc:
        return _cannot(watch, "drift.secret_gone", reference=exc.reference)
    except SlipwayError as exc:
        # The last finding stays, with its time and with why there is no newer one.
        watch.record(error_code=exc.code, error_params=exc.params)
        return Again(interval(watch))
    news = {
        "deployment": live,
        "findings": [drift.as_dict() for drift in found],
        "checked_at": timezone.now(),
        "error_code": "",
        "error_params": {},
    }
    _settle(watch, Status.FOUND if found else Status.CLEAN, news)
    return Again(interval(watch))


def _cannot(watch: DriftWatch, code: str, **params: object) -> Again:
    news = {"findings": [], "checked_at": timezone.now(), "error_code": code, "error_params": params}
    _settle(watch, Status.UNKNOWN, news)
    return Again(interval(watch))


def _settle(watch: DriftWatch, status: str, news: Mapping[str, Any]) -> None:
    """Store a finding: as a move with its event where it is a new one, else as what was learned."""
    if watch.status == status:
        watch.record(**news)
        return
    for name in ("findings", "deployment"):
        if name in news:
            setattr(watch, name, news[name])  # the event speaks of them
    watch.transition(status, **news)


def interval(watch: DriftWatch) -> float:
    """Return when to look again: the more applications a cluster has, the later."""
    beside = DriftWatch.objects.filter(target__cluster=watch.target.cluster_id).count()
    seconds = max(LEAST_SECONDS, beside * SECONDS_PER_APPLICATION)
    return seconds + _jitter(seconds / 10)


def _jitter(most: float) -> float:
    return random.uniform(0, most)  # noqa: S311 - not to come back in step


STEPS: Mapping[str, Step] = {
    Status.UNKNOWN: check,
    Status.CLEAN: check,
    Status.FOUND: check,
    Status.BROKEN: rest,
}
