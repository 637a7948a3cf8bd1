"""Say how far a Deployment's rollout is: complete, progressing or failed, and why. Pure.

Flow: has the controller seen our generation -> is every wanted pod updated and available and no old one left -> did
the server or our own deadline give up -> does a pod fail in a way that waiting does not mend -> else it progresses.
The server alone would say `Available=True` of a rollout whose new pods never start.
https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#deployment-status
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from .causes import Cause, Severity, dominant
from .diagnosis import diagnose_pod, diagnose_workload

Object = Mapping[str, Any]

REVISION = "deployment.kubernetes.io/revision"
_CRASHES = frozenset(
    {
        "pod.crash_loop",
        "pod.oom_killed",
        "pod.keeps_ending",
        "pod.start_failed",
        "pod.init_failed",
        "pod.liveness_failing",
        "pod.startup_failing",
        "pod.restarted",
    }
)
_IMAGE = frozenset({"pod.image_missing", "pod.image_denied", "pod.image_never_pulled"})
_HOPELESS = frozenset({"pod.image_name_invalid", "pod.runs_as_root"})
# Creation times have whole seconds, and the cluster's clock is another one; no pod fails for good within this time.
_CLOCKS = timedelta(seconds=5)


class State(StrEnum):
    """The verdict."""

    COMPLETE = "complete"
    PROGRESSING = "progressing"
    FAILED = "failed"


@dataclass(frozen=True)
class AbortRules:
    """When to give up before the deadline: there is no use in watching a pod crash for ten minutes."""

    restarts: int = 3
    image_seconds: int = 30


@dataclass(frozen=True)
class Assessment:
    """How far it is. `ready` counts available pods of the new version, `wanted` how many there shall be."""

    state: State
    ready: int
    wanted: int
    cause: Cause | None = None
    causes: tuple[Cause, ...] = ()


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
    `since` is when the rollout began: a roll back or a scaling keeps pods that are older, and what they went through
    before says nothing about it.
    """
    if deployment is None:
        return Assessment(State.FAILED, 0, 0, Cause("rollout.gone", Severity.ERROR))
    rules = rules or AbortRules()
    spec, status = deployment.get("spec") or {}, deployment.get("status") or {}
    wanted = spec.get("replicas", 1)
    if (status.get("observedGeneration") or 0) < deployment["metadata"].get("generation", 0):
        # All counters still speak of the version before.
        seen = Cause("rollout.not_seen_yet", Severity.INFO)
        return _waiting(seen, (), 0, wanted, deadline=deadline, now=now)
    current = current_replicaset(deployment, replicasets)
    available = _count(current, "availableReplicas")
    if _is_complete(status, wanted):
        return Assessment(State.COMPLETE, wanted, wanted)
    told = list(events)
    own_pods = [pod for pod in pods if current is not None and _owned_by(pod, current)]
    found = [*diagnose_workload(deployment, current, told)]
    causes_of = {pod["metadata"]["name"]: diagnose_pod(pod, _about(pod, told), now=now) for pod in own_pods}
    for causes in causes_of.values():
        found += causes
    main = dominant(found)
    if _gave_up(status):
        cause = (
            main if main and main.severity >= Severity.WARNING else _deadline_cause(spec.get("progressDeadlineSeconds"))
        )
        return Assessment(State.FAILED, available, wanted, cause, tuple(found))
    new_pods = [pod for pod in own_pods if since is None or _created(pod) >= since - _CLOCKS]
    if fatal := _fatal(new_pods, causes_of, rules, now):
        return Assessment(State.FAILED, available, wanted, fatal, tuple(found))
    if spec.get("paused"):
        main = Cause("rollout.paused", Severity.WARNING)
    elif main is None or main.severity == Severity.INFO:
        main = _progress(status, wanted, available)
    return _waiting(main, tuple(found), available, wanted, deadline=deadline, now=now)


def current_replicaset(deployment: Object, replicasets: Iterable[Object]) -> Object | None:
    """Return the ReplicaSet of the Deployment's present template: a roll back uses an old one again, renumbered."""
    own = [each for each in replicasets if _owned_by(each, deployment)]
    revision = _revision(deployment)
    exact = [each for each in own if _revision(each) == revision]
    return exact[0] if exact else max(own, key=_revision, default=None)


def _waiting(
    cause: Cause, causes: tuple[Cause, ...], ready: int, wanted: int, *, deadline: datetime, now: datetime
) -> Assessment:
    if now < deadline:
        return Assessment(State.PROGRESSING, ready, wanted, cause, causes)
    late = cause if cause.severity >= Severity.WARNING else _deadline_cause(None)
    return Assessment(State.FAILED, ready, wanted, late, causes)


def _is_complete(status: Object, wanted: int) -> bool:
    """Return what `kubectl rollout status` means by done; pods that are still ending do not count."""
    updated = status.get("updatedReplicas") or 0
    return (
        updated == wanted
        and (status.get("replicas") or 0) == updated
        and (status.get("availableReplicas") or 0) >= wanted
    )


def _gave_up(status: Object) -> bool:
    return any(
        condition.get("type") == "Progressing"
        and condition.get("status") == "False"
        and condition.get("reason") == "ProgressDeadlineExceeded"
        for condition in status.get("conditions") or []
    )


def _fatal(
    pods: Sequence[Object], causes_of: Mapping[str, Sequence[Cause]], rules: AbortRules, now: datetime
) -> Cause | None:
    """Return the cause to give up for, if the rules say so."""
    fatal = []
    for pod in pods:
        young = now - _created(pod) < timedelta(seconds=rules.image_seconds)
        for cause in causes_of[pod["metadata"]["name"]]:
            crashes = cause.code in _CRASHES and cause.params.get("restarts", 0) >= rules.restarts
            if crashes and cause.code == "pod.restarted":
                # The same crash loop, seen in the moment in which the container runs.
                fatal.append(Cause("pod.crash_loop", Severity.ERROR, cause.params))
            elif crashes or cause.code in _HOPELESS or (cause.code in _IMAGE and not young):
                fatal.append(cause)
    return dominant(fatal)


def _progress(status: Object, wanted: int, available: int) -> Cause:
    updated = status.get("updatedReplicas") or 0
    if updated >= wanted and available >= wanted:
        old = max((status.get("replicas") or 0) - updated, 0)
        return Cause("rollout.old_pods_ending", Severity.INFO, {"old": old})
    return Cause("rollout.waiting_for_pods", Severity.INFO, {"ready": available, "wanted": wanted})


def _deadline_cause(seconds: int | None) -> Cause:
    return Cause("rollout.deadline_exceeded", Severity.ERROR, {"seconds": seconds})


def _about(pod: Object, events: Iterable[Object]) -> list[Object]:
    uid = pod["metadata"].get("uid")
    return [event for event in events if (event.get("involvedObject") or {}).get("uid") == uid]


def _owned_by(child: Object, owner: Object) -> bool:
    uid = owner["metadata"].get("uid")
    return any(reference.get("uid") == uid for reference in child["metadata"].get("ownerReferences") or [])


def _revision(owner: Object) -> int:
    return int((owner["metadata"].get("annotations") or {}).get(REVISION, 0))


def _count(owner: Object | None, counter: str) -> int:
    return int(((owner or {}).get("status") or {}).get(counter) or 0)


def _created(pod: Object) -> datetime:
    return datetime.fromisoformat(pod["metadata"]["creationTimestamp"])
