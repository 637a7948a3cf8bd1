"""A cause: why something is as it is, as a code and parameters. The words are in `diagnosis_words`."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


class Severity(enum.IntEnum):
    """How much a cause matters. INFO passes by itself, WARNING may, ERROR needs somebody or another version."""

    INFO = 1
    WARNING = 2
    ERROR = 3


@dataclass(frozen=True)
class Cause:
    """One reason. `params` are plain values, fit to be stored as JSON and put into words later."""

    code: str
    severity: Severity
    params: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def as_dict(self) -> dict[str, Any]:
        """Return what a row stores."""
        return {"code": self.code, "severity": self.severity.name.lower(), "params": dict(self.params)}


# Where causes are equally severe the one listed first explains the others: a refused pod tells more than a deadline,
# a probe that had the container killed more than the exit code that followed.
_TELLING = (
    "workload.quota_exceeded",
    "workload.quota_unspecified",
    "workload.limit_range",
    "workload.pod_security",
    "workload.policy_denied",
    "workload.webhook_denied",
    "workload.webhook_unreachable",
    "workload.account_missing",
    "workload.priority_missing",
    "workload.runtime_missing",
    "workload.namespace_ending",
    "workload.refused",
    "pod.node_lost",
    "pod.node_shutdown",
    "pod.node_refused",
    "pod.evicted",
    "pod.preempted",
    "pod.oom_killed",
    "pod.oom_killed_by_node",
    "pod.liveness_failing",
    "pod.startup_failing",
    "pod.hook_failed",
    "pod.init_failed",
    "pod.wrong_platform",
    "pod.start_failed",
    "pod.crash_loop",
    "pod.keeps_ending",
    "pod.failed",
    "pod.deadline_exceeded",
    "pod.image_name_invalid",
    "pod.image_platform",
    "pod.image_missing",
    "pod.image_denied",
    "pod.image_rate_limited",
    "pod.image_no_space",
    "pod.image_unreachable",
    "pod.image_never_pulled",
    "pod.image_failed",
    "pod.image_unexplained",
    "pod.config_missing",
    "pod.config_key_missing",
    "pod.runs_as_root",
    "pod.user_unknown",
    "pod.config_wrong",
    "pod.mount_missing",
    "pod.mount_key_missing",
    "pod.volume_in_use",
    "pod.mount_failed",
    "pod.sandbox_failed",
    "pod.unschedulable",
    "pod.scheduler_failed",
    "pod.stuck_terminating",
    "pod.readiness_failing",
    "pod.restarted",
    "pod.lost_track",
    "pod.waiting",
    "rollout.deadline_exceeded",
    "rollout.paused",
    "pod.gate_closed",
    "pod.not_answering_yet",
    "pod.init_running",
    "pod.pulling_image",
    "pod.not_ready_yet",
    "pod.scheduling_gated",
    "pod.starting",
)
_RANK = {code: rank for rank, code in enumerate(_TELLING)}


def dominant(causes: Iterable[Cause]) -> Cause | None:
    """Return the cause to name when there is room for one, or None where there is none."""
    return min(causes, key=lambda cause: (-cause.severity, _RANK.get(cause.code, len(_RANK))), default=None)
