"""Look after a version that succeeded, now and then in its first minutes: a leak or a crash may come later.

succeeded: a row WATCHING, in the same transaction -> a few looks, each a due step -> quiet | unwell, then ended
Nothing is undone by itself; what was found stands on the deployment, in the matrix and where one chooses a version to
go back to. A look costs three lists, and no worker waits between two.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.clusters import breaker
from apps.core import lifecycle
from apps.core.dispatch import enqueue
from apps.core.lifecycle import Again, LeaseLost, Step
from apps.integrations.calls import Timeout
from apps.integrations.errors import Unavailable
from apps.integrations.kubernetes.abort_rules import CRASHES, crashed_since, created
from apps.integrations.kubernetes.causes import Cause, Severity, dominant
from apps.integrations.kubernetes.diagnosis import diagnose_pod
from apps.integrations.kubernetes.rollout import current_replicaset, owned_by
from apps.workloads import reading as workloads

from . import entries, evidence, selectors
from .models import Aftercare, Deployment

# Seconds after the success; the last is the end of the watch.
LOOKS = (5, 15, 40, 90, 180, 300)
DEADLINE = timedelta(minutes=15)  # a cluster that stays away that long is not waited for
MAINTENANCE_SECONDS = 30.0
TIMEOUT = Timeout(connect=2.0, read=5.0)

_TROUBLE = CRASHES | {"pod.readiness_failing", "pod.evicted", "pod.node_lost"}
Object = Mapping[str, Any]


def begin_aftercare(deployment: Deployment) -> None:
    """Begin to look after a deployment, in the transaction of its success."""
    now = timezone.now()
    due = {"next_step_at": now + timedelta(seconds=LOOKS[0]), "deadline_at": now + DEADLINE}
    watch, _made = Aftercare.objects.get_or_create(deployment=deployment, defaults=due)
    enqueue(Aftercare.ADVANCE, watch.pk, delay=LOOKS[0])


def look_after(aftercare_id: int) -> None:
    """Take the next look."""
    lifecycle.advance(Aftercare, aftercare_id, STEPS)


def trouble_of(reading: workloads.Reading, since: datetime) -> tuple[Cause, int] | None:
    """Return the worst that has happened to pods of the present version since, and how often; None for nothing. Pure."""
    if reading.deployment is None:
        return Cause("rollout.gone", Severity.ERROR), 1
    current = current_replicaset(reading.deployment, reading.replicasets)
    pods = [pod for pod in reading.pods if current is not None and owned_by(pod, current)]
    found, times = [], 0
    for pod in pods:
        causes = diagnose_pod(pod, reading.events_of(pod["metadata"]["uid"]), now=reading.at)
        crashed = crashed_since(pod, since)
        told = [
            cause
            for cause in causes
            if cause.code in _TROUBLE and cause.severity >= Severity.WARNING and (crashed or cause.code not in CRASHES)
        ]
        if told:
            found += told
            times += max(_ends(pod, since), 1)
    worst = dominant(found)
    return (worst, times) if worst else None


def _ends(pod: Object, since: datetime) -> int:
    """Return how often containers of a pod ended, as far as they are this deployment's doing."""
    statuses: Iterable[Object] = (pod.get("status") or {}).get("containerStatuses") or []
    restarts = sum(int(status.get("restartCount") or 0) for status in statuses)
    return restarts if created(pod) >= since else min(restarts, 1)


def _look(watch: Aftercare) -> Again | None:
    deployment = Deployment.objects.select_related(*selectors.RELATED).get(pk=watch.deployment_id)
    if selectors.find_newer(deployment) is not None:
        _move(watch, Aftercare.Status.ENDED)
        return None
    late = watch.deadline_at is not None and timezone.now() > watch.deadline_at
    if deployment.target.cluster.in_maintenance and not late:
        return Again(MAINTENANCE_SECONDS)
    if (wait := breaker.seconds_until_try(deployment.target.cluster_id)) and not late:
        return Again(wait)
    with breaker.watch(deployment.target.cluster_id, Unavailable):
        reading = workloads.read(deployment.application, deployment.target, timeout=TIMEOUT, every_event=False)
    looks = watch.looks + 1
    with transaction.atomic():
        if found := trouble_of(reading, reading.by_its_clock(deployment.created_at)):
            _tell(watch, deployment, *found)
        if looks >= len(LOOKS):
            unwell = watch.status == Aftercare.Status.UNWELL
            _move(watch, Aftercare.Status.ENDED if unwell else Aftercare.Status.QUIET, looks=looks)
            return None
        watch.record(looks=looks, attempts=0, error_code="", error_params={})
    return Again(LOOKS[looks] - LOOKS[looks - 1])


def _tell(watch: Aftercare, deployment: Deployment, cause: Cause, times: int) -> None:
    """Write down what was found where it is worse than what is known; a worse end than before is told again."""
    before = deployment.afterwards
    if before.get("code") == cause.code and before.get("times", 0) >= times:
        return
    redactor = evidence.redactor_for(selectors.final_stage(deployment).manifest_set)
    params = evidence.redacted(cause.params, redactor)
    at = before.get("at") or timezone.now().isoformat()
    deployment.record(afterwards={"code": cause.code, "params": params, "times": times, "at": at})
    if before.get("code") != cause.code:
        found = {"code": cause.code, "params": params}
        entries.note(deployment, "deployment.ran_badly", entries.WARNING, found=found)
    if watch.status == Aftercare.Status.WATCHING:
        watch.deployment = deployment
        _move(watch, Aftercare.Status.UNWELL)


def _move(watch: Aftercare, status: str, **fields: Any) -> None:
    if not watch.transition(status, **fields):
        raise LeaseLost


STEPS: Mapping[str, Step] = {Aftercare.Status.WATCHING: _look, Aftercare.Status.UNWELL: _look}
