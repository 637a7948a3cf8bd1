"""Say how far a Deployment's rollout is: complete, progressing or failed, and why. Pure.

Flow: has the controller seen our generation -> is every wanted pod updated, available and believed, and no old one left
-> did the server or our own deadline give up -> does a pod fail in a way that waiting does not mend -> else it goes on.
The server alone would say `Available=True` of a rollout whose new pods never start, and calls a pod that nothing probes
ready in the moment before it crashes.
https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#deployment-status
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from .abort_rules import AbortRules, crashed_since, created, fatal_cause
from .causes import Cause, Severity, dominant
from .diagnosis import diagnose_pod
from .pod_parts import Object, condition, container_spec
from .refusals import CLOCKS, diagnose_workload

__all__ = ["AbortRules", "Assessment", "State", "assess", "current_replicaset", "owned_by"]

HASH_LABEL = "pod-template-hash"
# A pod that crashed in this rollout has to hold out for so many times longer before it is believed.
_AFTER_CRASH = 3


class State(StrEnum):
    """The verdict."""

    COMPLETE = "complete"
    PROGRESSING = "progressing"
    FAILED = "failed"


@dataclass(frozen=True)
class Assessment:
    """How far it is. `ready` counts available pods of the new version, `wanted` how many there shall be.

    `updated` counts the pods of the new version in whatever state: a step further is progress.
    """

    state: State
    ready: int
    wanted: int
    cause: Cause | None = None
    causes: tuple[Cause, ...] = ()
    updated: int = 0


def assess(
    deployment: Object | None,
    replicasets: Iterable[Object],
    pods: Iterable[Object],
    events: Iterable[Object],
    *,
    deadline: datetime,
    now: datetime,
    since: datetime | None = None,
    rules: AbortRules | None = None,
) -> Assessment:
    """Return the verdict on a Deployment's rollout from one reading of the cluster.

    `replicasets`, `pods` and `events` may be the whole namespace's; only what belongs to the Deployment counts.
    `since` is when the rollout began. All times are the cluster's, whose clock may be another one than ours.
    """
    if deployment is None:
        return Assessment(State.FAILED, 0, 0, Cause("rollout.gone", Severity.ERROR))
    if deployment["metadata"].get("deletionTimestamp"):
        return Assessment(State.FAILED, 0, 0, Cause("rollout.being_deleted", Severity.ERROR))
    spec, status = deployment.get("spec") or {}, deployment.get("status") or {}
    wanted = spec.get("replicas", 1)
    if (status.get("observedGeneration") or 0) < deployment["metadata"].get("generation", 0):
        # All counters still speak of the version before.
        seen = Cause("rollout.not_seen_yet", Severity.INFO)
        return _go_on(Assessment(State.PROGRESSING, 0, wanted, seen), spec, deadline=deadline, now=now)
    since = since or datetime.fromisoformat(deployment["metadata"]["creationTimestamp"])
    rules, pods, told = rules or AbortRules(), list(pods), list(events)
    family = [each for each in replicasets if owned_by(each, deployment)]
    current = current_replicaset(deployment, family)
    own = _counting(current, [pod for pod in pods if current is not None and owned_by(pod, current)])
    available = _count(current, "availableReplicas")
    updated = int(status.get("updatedReplicas") or 0)
    if _is_complete(status, wanted) and all(_is_believed(pod, rules, now, since) for pod in own):
        return Assessment(State.COMPLETE, wanted, wanted, updated=updated)
    refusals = diagnose_workload(deployment, current, told, since=since)
    causes_of = {pod["metadata"]["name"]: diagnose_pod(pod, _about(pod, told), now=now) for pod in own}
    found = (*refusals, *(cause for causes in causes_of.values() for cause in causes))
    main = dominant(found)
    if _gave_up(deployment, current, since):
        cause = main if main and main.severity >= Severity.WARNING else _too_long(spec, main)
        return Assessment(State.FAILED, available, wanted, cause, found, updated)
    if fatal := fatal_cause(own, causes_of, refusals, rules, now=now, since=since):
        return Assessment(State.FAILED, available, wanted, fatal, found, updated)
    if spec.get("paused"):
        main = Cause("rollout.paused", Severity.WARNING)
    elif main is None or main.severity == Severity.INFO:
        older = [each for each in family if each is not current]
        old = [pod for pod in pods if any(owned_by(pod, each) for each in older)]
        main = _progress(deployment, current, wanted, _stuck(old, now), main)
    return _go_on(
        Assessment(State.PROGRESSING, available, wanted, main, found, updated), spec, deadline=deadline, now=now
    )


def current_replicaset(deployment: Object, replicasets: Iterable[Object]) -> Object | None:
    """Return the ReplicaSet of the Deployment's present template, found as its controller does; None before it is made.

    A roll back uses an old one again, so neither age nor revision tells.
    """
    template = _template(deployment)
    own = [
        each
        for each in replicasets
        if owned_by(each, deployment) and not each["metadata"].get("deletionTimestamp") and _template(each) == template
    ]
    return min(own, key=lambda each: str(each["metadata"].get("creationTimestamp")), default=None)


def owned_by(child: Object, owner: Object) -> bool:
    """Return whether an object belongs to another."""
    uid = owner["metadata"].get("uid")
    return any(reference.get("uid") == uid for reference in child["metadata"].get("ownerReferences") or [])


def _template(owner: Object) -> Mapping[str, Any]:
    template = (owner.get("spec") or {}).get("template") or {}
    metadata = template.get("metadata") or {}
    labels = {key: value for key, value in (metadata.get("labels") or {}).items() if key != HASH_LABEL}
    return {**template, "metadata": {"labels": labels, "annotations": metadata.get("annotations") or {}}}


def _go_on(verdict: Assessment, spec: Object, *, deadline: datetime, now: datetime) -> Assessment:
    """Return the verdict as it is, or as a failure where the deadline is over."""
    if now < deadline:
        return verdict
    cause = verdict.cause
    late = cause if cause and cause.severity >= Severity.WARNING else _too_long(spec, cause)
    return Assessment(State.FAILED, verdict.ready, verdict.wanted, late, verdict.causes, verdict.updated)


def _is_complete(status: Object, wanted: int) -> bool:
    """Return what `kubectl rollout status` means by done; pods that are still ending do not count."""
    updated = status.get("updatedReplicas") or 0
    return (
        updated == wanted
        and (status.get("replicas") or 0) == updated
        and (status.get("availableReplicas") or 0) >= wanted
    )


def _is_believed(pod: Object, rules: AbortRules, now: datetime, since: datetime) -> bool:
    """Return whether a pod that counts as available may be taken for one that runs well.

    Without a readiness probe each start is ready at once, that of a program that crashes a second later too.
    """
    if created(pod) < since - CLOCKS and not crashed_since(pod, since):
        return True
    for container in (pod.get("status") or {}).get("containerStatuses") or []:
        crashed = bool(container.get("restartCount"))
        if not crashed and container_spec(pod, container["name"]).get("readinessProbe"):
            continue
        needed = timedelta(seconds=rules.steady_seconds * (_AFTER_CRASH if crashed else 1))
        started = ((container.get("state") or {}).get("running") or {}).get("startedAt")
        if started is None or now - datetime.fromisoformat(started) < needed:
            return False
    return True


def _counting(current: Object | None, pods: Sequence[Object]) -> list[Object]:
    """Return the pods that the ReplicaSet counts; ended ones only as long as nothing has taken their place."""
    going = [pod for pod in pods if (pod.get("status") or {}).get("phase") not in ("Failed", "Succeeded")]
    wanted = ((current or {}).get("spec") or {}).get("replicas") or 0
    living = [pod for pod in going if not pod["metadata"].get("deletionTimestamp")]
    return going if len(living) >= wanted else list(pods)


def _gave_up(deployment: Object, current: Object | None, since: datetime) -> bool:
    """Return whether the controller's own deadline is over, for this rollout and not for one before."""
    progressing = condition(deployment, "Progressing")
    if (progressing.get("status"), progressing.get("reason")) != ("False", "ProgressDeadlineExceeded"):
        return False
    at = progressing.get("lastUpdateTime") or progressing.get("lastTransitionTime")
    if at and datetime.fromisoformat(at) < since - CLOCKS:
        return False
    message = progressing.get("message") or ""
    return current is None or "ReplicaSet" not in message or f'"{current["metadata"]["name"]}"' in message


def _progress(
    deployment: Object, current: Object | None, wanted: int, stuck: Cause | None, main: Cause | None
) -> Cause:
    spec, status = deployment.get("spec") or {}, deployment.get("status") or {}
    updated = status.get("updatedReplicas") or 0
    old = max((status.get("replicas") or 0) - updated, 0)
    available, ready = _count(current, "availableReplicas"), _count(current, "readyReplicas")
    if updated >= wanted and available >= wanted:
        if old:
            return Cause("rollout.old_pods_ending", Severity.INFO, {"old": old})
        return Cause("rollout.proving", Severity.INFO, {"wanted": wanted})
    if (spec.get("strategy") or {}).get("type") == "Recreate" and not updated:
        left = old + (status.get("terminatingReplicas") or 0)
        return stuck or Cause("rollout.old_pods_first", Severity.INFO, {"old": left})
    if ready > available and spec.get("minReadySeconds"):
        params = {"running": ready, "wanted": wanted, "seconds": spec["minReadySeconds"]}
        return Cause("rollout.settling", Severity.INFO, params)
    if available == 0 and main is not None and main.code in _WORTH_TELLING:
        return main
    return Cause("rollout.waiting_for_pods", Severity.INFO, {"ready": available, "wanted": wanted})


# Harmless, and says more than "0 of 2 ready" does.
_WORTH_TELLING = frozenset({"pod.gate_closed", "pod.pulling_image", "pod.init_running", "pod.scheduling_gated"})


def _too_long(spec: Object, last: Cause | None) -> Cause:
    """Return that the time is over, with what was going on as far as it tells something."""
    if last and last.code == "pod.not_answering_yet":
        return Cause(f"pod.{last.params['probe']}_failing", Severity.ERROR, last.params)
    told = {"code": last.code, "params": dict(last.params)} if last and last.code != "pod.starting" else None
    params = {"seconds": spec.get("progressDeadlineSeconds"), "last": told}
    return Cause("rollout.deadline_exceeded", Severity.ERROR, params)


def _stuck(pods: Iterable[Object], now: datetime) -> Cause | None:
    found = [cause for pod in pods for cause in diagnose_pod(pod, now=now)]
    return dominant(cause for cause in found if cause.code in ("pod.stuck_terminating", "pod.node_lost"))


def _about(pod: Object, events: Iterable[Object]) -> list[Object]:
    uid = pod["metadata"].get("uid")
    return [event for event in events if (event.get("involvedObject") or {}).get("uid") == uid]


def _count(owner: Object | None, counter: str) -> int:
    return int(((owner or {}).get("status") or {}).get(counter) or 0)
