"""When to give up a rollout before its deadline: there is no use in watching a pod crash for ten minutes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from .causes import Cause, Severity, dominant
from .pod_parts import Object
from .refusals import CLOCKS

CRASHES: Final = frozenset(
    {
        "pod.crash_loop",
        "pod.oom_killed",
        "pod.oom_killed_by_node",
        "pod.keeps_ending",
        "pod.start_failed",
        "pod.init_failed",
        "pod.hook_failed",
        "pod.liveness_failing",
        "pod.startup_failing",
        "pod.restarted",
    }
)
# What only another version mends, whatever anybody wants to wait for.
HOPELESS: Final = frozenset({"pod.image_name_invalid", "pod.runs_as_root", "pod.user_unknown", "pod.wrong_platform"})
# What an application may give up on at once, or after its own patience.
GROUPS: Final[Mapping[str, frozenset[str]]] = {
    "image": frozenset({"pod.image_missing", "pod.image_denied", "pod.image_never_pulled", "pod.image_platform"}),
    "configuration": frozenset(
        {
            "pod.config_missing",
            "pod.config_key_missing",
            "pod.mount_missing",
            "pod.mount_key_missing",
            "workload.account_missing",
            "workload.priority_missing",
            "workload.runtime_missing",
        }
    ),
    "policy": frozenset(
        {"workload.limit_range", "workload.pod_security", "workload.policy_denied", "workload.webhook_denied"}
    ),
    "quota": frozenset({"workload.quota_exceeded", "workload.quota_unspecified"}),
    "scheduling": frozenset({"pod.unschedulable"}),
}


@dataclass(frozen=True)
class AbortRules:
    """What an application has patience for.

    `image_seconds` and `configuration_seconds` count from the pod's making or the rollout's start, whichever is later.
    `at_once` names groups that are given up on as soon as they are seen. `steady_seconds` is how long a new pod has to
    run before it is believed, where nothing probes whether it is ready.
    """

    restarts: int = 3
    image_seconds: int = 30
    configuration_seconds: int = 60
    steady_seconds: int = 5
    at_once: frozenset[str] = field(default=frozenset({"policy"}))

    def gives_up(self, cause: Cause, age: timedelta) -> bool:
        """Return whether a cause that does not count restarts ends the rollout, `age` after the pod was made."""
        if cause.code in HOPELESS or any(cause.code in GROUPS[group] for group in self.at_once):
            return True
        patience = {"image": self.image_seconds, "configuration": self.configuration_seconds}
        return any(
            cause.code in GROUPS[group] and age >= timedelta(seconds=seconds) for group, seconds in patience.items()
        )


def fatal_cause(
    pods: Iterable[Object],
    causes_of: Mapping[str, Iterable[Cause]],
    refusals: Iterable[Cause],
    rules: AbortRules,
    *,
    now: datetime,
    since: datetime,
) -> Cause | None:
    """Return the cause to give a rollout up for, None while waiting may still help.

    Restarts of pods older than `since` count only where they crash now: a roll back or a scaling keeps pods, and what
    they went through before says nothing about it.
    """
    fatal = [cause for cause in refusals if rules.gives_up(cause, now - since)]
    for pod in pods:
        age = now - max(created(pod), since)
        crashed = created(pod) >= since - CLOCKS or crashed_since(pod, since)
        for cause in causes_of[pod["metadata"]["name"]]:
            if cause.code in CRASHES:
                if crashed and cause.params.get("restarts", 0) >= rules.restarts:
                    # A crash loop seen in the moment in which its container runs is the same crash loop.
                    told = "pod.crash_loop" if cause.code == "pod.restarted" else cause.code
                    fatal.append(Cause(told, Severity.ERROR, cause.params))
            elif rules.gives_up(cause, age):
                fatal.append(cause)
    return dominant(fatal)


def created(pod: Object) -> datetime:
    """Return when a pod was made, by the cluster's clock."""
    return datetime.fromisoformat(pod["metadata"]["creationTimestamp"])


def crashed_since(pod: Object, since: datetime) -> bool:
    """Return whether a container of the pod ended on its own after `since`."""
    return any(at >= since - CLOCKS for at in ends(pod))


def ends(pod: Object) -> list[datetime]:
    """Return when containers of a pod ended, as far as its status still knows; one that was asked to be is no crash."""
    status = pod.get("status") or {}
    found = []
    for container in [*(status.get("containerStatuses") or []), *(status.get("initContainerStatuses") or [])]:
        for state in (container.get("state") or {}, container.get("lastState") or {}):
            ended = state.get("terminated") or {}
            if ended.get("finishedAt") and (container.get("restartCount") or ended.get("exitCode") != 0):
                found.append(datetime.fromisoformat(ended["finishedAt"]))
    return found
