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
    "workload.limit_range",
    "workload.refused",
    "pod.node_lost",
    "pod.evicted",
    "pod.oom_killed",
    "pod.liveness_failing",
    "pod.startup_failing",
    "pod.init_failed",
    "pod.start_failed",
    "pod.crash_loop",
    "pod.keeps_ending",
    "pod.failed",
    "pod.deadline_exceeded",
    "pod.image_name_invalid",
    "pod.image_missing",
    "pod.image_denied",
    "pod.image_unreachable",
    "pod.image_never_pulled",
    "pod.image_failed",
    "pod.config_missing",
    "pod.config_key_missing",
    "pod.runs_as_root",
    "pod.config_wrong",
    "pod.mount_missing",
    "pod.mount_failed",
    "pod.unschedulable",
    "pod.stuck_terminating",
    "pod.readiness_failing",
    "pod.restarted",
    "pod.waiting",
    "rollout.deadline_exceeded",
    "rollout.paused",
)
_RANK = {code: rank for rank, code in enumerate(_TELLING)}


def dominant(causes: Iterable[Cause]) -> Cause | None:
    """Return the cause to name when there is room for one, or None where there is none."""
    return min(causes, key=lambda cause: (-cause.severity, _RANK.get(cause.code, len(_RANK))), default=None)
