"""Read why the scheduler finds no node for a pod: which of how many nodes failed which of its checks. Pure.

The scheduler joins one sentence a check, each with the number of nodes that failed it:
"0/5 nodes are available: 1 Insufficient memory, 4 node(s) had untolerated taint {disk: slow}. preemption: ...".
https://kubernetes.io/docs/concepts/scheduling-eviction/kube-scheduler/
"""

from __future__ import annotations

import re
from typing import Any

from .causes import Cause, Severity
from .pod_parts import Object, condition, text

# What comes after the reasons is about making room, which explains nothing.
_AFTERMATH = re.compile(r"\.? *(?:no new claims to deallocate|preemption:|Preemption is not helpful).*", re.DOTALL)
_TOTAL = re.compile(r"^\d+/(?P<nodes>\d+) nodes are available: ?")
_COUNT = re.compile(r"^(?P<nodes>\d+) (?:node\(s\) )?")
# A comma inside of a taint or a quoted name separates nothing.
_SEPARATOR = re.compile(r", (?=\d+ )")
_CHECKS = (
    ("short", re.compile(r"^Insufficient (?P<what>[\w./-]+)")),
    ("too_many_pods", re.compile(r"^Too many pods")),
    ("taint", re.compile(r"^had untolerated taint(?:\(s\)| \{(?P<what>[^}]*)\})?")),
    ("taint", re.compile(r"^had (?:taints that the pod didn't tolerate|taint \{(?P<what>[^}]*)\})")),
    ("cordoned", re.compile(r"^were unschedulable")),
    ("spread", re.compile(r"^didn't match pod topology spread constraints")),
    ("apart", re.compile(r"^didn't (?:match pod anti-affinity|satisfy existing pods anti-affinity)")),
    ("together", re.compile(r"^didn't match pod affinity")),
    ("selector", re.compile(r"^didn't match (?:Pod's )?(?:node affinity|node selector|the requested node name)")),
    ("port", re.compile(r"^didn't have free ports")),
    ("volume_place", re.compile(r"^(?:had|didn't match) (?:a )?volume (?:node affinity|zone) conflict|^had no available volume zone")),
    ("volume_limit", re.compile(r"^exceed max volume count")),
    ("volume_none", re.compile(r"^(?:didn't find available persistent volumes|did not have enough free storage)")),
    ("claim_unbound", re.compile(r"^pod has unbound immediate PersistentVolumeClaims")),
    ("claim_missing", re.compile(r'^persistentvolumeclaim "(?P<what>[^"]+)" not found')),
    ("claim_missing", re.compile(r'could not find v1\.PersistentVolumeClaim "(?:[^"/]*/)?(?P<what>[^"]+)"')),
    ("claim_ending", re.compile(r'^persistentvolumeclaim "(?P<what>[^"]+)" is being deleted')),
    ("class_missing", re.compile(r'storageclass\.storage\.k8s\.io "(?P<what>[^"]+)" not found')),
    ("no_nodes", re.compile(r"^no nodes available to schedule pods")),
)  # fmt: skip


def scheduling_cause(pod: Object) -> Cause | None:
    """Return why no node takes the pod, None where one does or nobody has looked yet."""
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") != "False":
        return None
    if scheduled.get("reason") == "SchedulingGated":
        gates = ", ".join(each.get("name", "") for each in (pod.get("spec") or {}).get("schedulingGates") or [])
        return Cause("pod.scheduling_gated", Severity.INFO, {"gates": gates})
    if scheduled.get("reason") not in ("Unschedulable", None, ""):
        # SchedulerError: the scheduler could not do its work; it tries again by itself.
        return Cause("pod.scheduler_failed", Severity.WARNING, {"message": text(scheduled.get("message"))})
    return Cause("pod.unschedulable", Severity.ERROR, read_reasons(scheduled.get("message") or ""))


def read_reasons(message: str) -> dict[str, Any]:
    """Return the scheduler's words, what is short, and each check with the number of nodes that failed it.

    `nodes` is how many there are, None where the scheduler does not say; a check it does not know is kept as it is.
    """
    message = _AFTERMATH.sub("", message).strip().rstrip(".")
    total = _TOTAL.match(message)
    told = message[total.end() :] if total else message
    reasons = [_reason(part) for part in _SEPARATOR.split(told) if part]
    return {
        "message": text(message),
        "short_of": sorted({each["what"] for each in reasons if each["check"] == "short"}),
        "nodes": int(total["nodes"]) if total else None,
        "reasons": reasons,
    }


def _reason(part: str) -> dict[str, Any]:
    count = _COUNT.match(part)
    said = part[count.end() :] if count else part
    nodes = int(count["nodes"]) if count else None
    for check, pattern in _CHECKS:
        if found := pattern.search(said):
            what = (found.groupdict().get("what") or "").strip().rstrip(":").strip()
            return {"check": check, "nodes": nodes, "what": what}
    return {"check": "other", "nodes": nodes, "what": text(said)}
