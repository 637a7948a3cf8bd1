"""Tell apart why the cluster does not let a ReplicaSet make its pods: quota, limit range, policy, webhook. Pure.

The Deployment itself was accepted: admission looks at pods, so only the ReplicaSet's condition and events tell.
https://kubernetes.io/docs/concepts/policy/resource-quotas/
https://kubernetes.io/docs/concepts/security/pod-security-admission/
https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from .causes import Cause, Severity
from .events import event_time
from .pod_parts import Object, condition, text

# Creation times have whole seconds, and the cluster's clock is another one.
CLOCKS = timedelta(seconds=5)

_QUOTA = re.compile(
    r"exceeded quota: (?P<quota>[^,]+), requested: (?P<requested>.+), used: (?P<used>.+), limited: (?P<limited>.+)$"
)
_UNSPECIFIED = re.compile(r"failed quota: (?P<quota>[^:]+): must specify (?P<missing>.+)$")
_SECURITY = re.compile(r'violates PodSecurity "(?P<level>[^"]+)": (?P<message>.+)$', re.DOTALL)
_DENIED = re.compile(r'admission webhook "(?P<webhook>[^"]+)" denied the request(?:: (?P<message>.*))?$', re.DOTALL)
_UNREACHED = re.compile(r'failed calling webhook "(?P<webhook>[^"]+)": (?P<message>.+)$', re.DOTALL)
_POLICY = re.compile(
    r"ValidatingAdmissionPolicy '(?P<policy>[^']+)' (?:with binding '[^']*' )?denied request: (?P<message>.+)$",
    re.DOTALL,
)
_ACCOUNT = re.compile(r'serviceaccount "(?P<name>[^"]+)" not found')
_PRIORITY = re.compile(r"no PriorityClass with name (?P<name>\S+) was found")
_RUNTIME = re.compile(r'RuntimeClass "(?P<name>[^"]+)" not found')
_LIMITS = re.compile(r"(?:maximum|minimum) \S+ usage per|max limit to request ratio")
_ENDING = re.compile(r"namespace \S+ because it is being terminated")
_NAMED = (
    ("workload.quota_exceeded", _QUOTA),
    ("workload.quota_unspecified", _UNSPECIFIED),
    ("workload.pod_security", _SECURITY),
    ("workload.webhook_denied", _DENIED),
    ("workload.webhook_unreachable", _UNREACHED),
    ("workload.policy_denied", _POLICY),
    ("workload.account_missing", _ACCOUNT),
    ("workload.priority_missing", _PRIORITY),
    ("workload.runtime_missing", _RUNTIME),
    ("workload.namespace_ending", _ENDING),
)


def diagnose_workload(
    workload: Object | None, replicaset: Object | None, events: Iterable[Object] = (), *, since: datetime | None = None
) -> list[Cause]:
    """Return why a Deployment or its current ReplicaSet cannot make the pods it wants.

    `events` may be anybody's; those older than `since` speak of another rollout. The Deployment's own condition counts
    only while there is no ReplicaSet: it may repeat what an older ReplicaSet met.
    """
    failure = condition(replicaset or workload or {}, "ReplicaFailure")
    if failure.get("status") == "True":
        return [refusal(failure.get("message", ""))]
    if replicaset is None:
        return []
    wanted = (replicaset.get("spec") or {}).get("replicas") or 0
    made = (replicaset.get("status") or {}).get("replicas") or 0
    if made >= wanted:
        return []
    uid = replicaset["metadata"].get("uid")
    failures = [
        event for event in events
        if event.get("reason") == "FailedCreate" and (event.get("involvedObject") or {}).get("uid") == uid
        and _is_recent(event, since)
    ]  # fmt: skip
    return [refusal(max(failures, key=event_time).get("message", ""))] if failures else []


def refusal(message: str) -> Cause:
    """Return what a refusal to create a pod means."""
    message = message.removeprefix("Error creating: ")
    for code, pattern in _NAMED:
        if found := pattern.search(message):
            params = {name: text(value or "") for name, value in found.groupdict().items()}
            return Cause(code, Severity.ERROR, params)
    if _LIMITS.search(message):
        return Cause("workload.limit_range", Severity.ERROR, {"message": text(message.partition(" is forbidden: ")[2])})
    return Cause("workload.refused", Severity.ERROR, {"message": text(message)})


def _is_recent(event: Object, since: datetime | None) -> bool:
    at = event_time(event)
    return since is None or not at or datetime.fromisoformat(at) >= since - CLOCKS
