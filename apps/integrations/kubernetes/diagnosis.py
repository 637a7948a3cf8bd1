"""Say why a pod is not well, from the pod, its events and its owners. Pure; shared by rollouts and pages.

A crash loop has three faces (waiting, terminated, and running for a moment), a missing Secret volume shows in no status
at all, and a probe that kills looks like a clean exit: so statuses and events are read together. What each state
looks like on a real server is in `tests/recordings`.
https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
"""

from __future__ import annotations

import re
import signal
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from .causes import Cause, Severity
from .events import event_time
from .image_faults import image_cause

Object = Mapping[str, Any]

# A pod is deleted some seconds after its grace period has ended; longer than this something holds it.
TERMINATION_SLACK = timedelta(seconds=30)
TEXT_LIMIT = 500

_CONFIG_KEY = re.compile(r"couldn't find key (?P<key>\S+) in (?P<kind>ConfigMap|Secret) \S*?/(?P<name>\S+)")
_CONFIG_NAME = re.compile(
    r'(?P<kind>configmap|secret|references non-existent secret key)s? "(?P<name>[^"]+)" not found'
)
_VOLUME = re.compile(r'for volume "(?P<volume>[^"]+)"')
_PROBE_KILL = re.compile(r"Container (?P<container>\S+) failed (?P<probe>liveness|startup) probe")
_PROBE = re.compile(
    r"^(?P<probe>Liveness|Readiness|Startup) probe (?:failed|errored)(?: and resulted in [^:]*)?: ?(?P<said>.*)$",
    re.DOTALL,
)
_SHORTAGE = re.compile(r"Insufficient ([\w./-]+)")
_QUOTA = re.compile(
    r"exceeded quota: (?P<quota>[^,]+), requested: (?P<requested>.+), used: (?P<used>.+), limited: (?P<limited>.+)$"
)
_NOT_STARTED = frozenset({"ContainerCreating", "PodInitializing"})
_IMAGE_REASONS = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "ErrImageNeverPull",
        "InvalidImageName",
        "ImageInspectError",
        "RegistryUnavailable",
    }
)
_START_REASONS = frozenset(
    {"RunContainerError", "StartError", "ContainerCannotRun", "CreateContainerError", "PostStartHookError"}
)
_KINDS = {"configmap": "ConfigMap", "secret": "Secret"}


def diagnose_pod(pod: Object, events: Iterable[Object] = (), *, now: datetime | None = None) -> list[Cause]:
    """Return all causes of a pod's state, none for a pod that is running and ready.

    `events` are those about this pod. `now` is needed to tell whether a deletion hangs.
    """
    status = pod.get("status") or {}
    told = sorted(events, key=event_time)
    if pod["metadata"].get("deletionTimestamp"):
        return [_terminating(pod, now)]
    if lost := _node_or_eviction(pod, told):
        return [lost]
    if status.get("phase") == "Succeeded":
        return [Cause("pod.completed", Severity.INFO)]
    if status.get("reason") == "DeadlineExceeded":
        seconds = (pod.get("spec") or {}).get("activeDeadlineSeconds")
        return [Cause("pod.deadline_exceeded", Severity.ERROR, {"seconds": seconds})]
    if unschedulable := _unschedulable(status):
        return [unschedulable]
    causes = _init_causes(pod, told)
    if not causes:
        for container in status.get("containerStatuses") or []:
            causes += _container_causes(pod, container, told)
    mounts = _mount_causes(told) if _waits_to_start(status) else []
    if mounts:
        # The wait for the volume is all there is to say about such a pod.
        return mounts
    if not causes and status.get("phase") in (None, "Pending"):
        return [Cause("pod.starting", Severity.INFO)]
    return causes


def diagnose_workload(workload: Object | None, replicaset: Object | None, events: Iterable[Object] = ()) -> list[Cause]:
    """Return why a Deployment or its current ReplicaSet cannot make the pods it wants; `events` of both."""
    for owner in (replicaset, workload):
        for condition in ((owner or {}).get("status") or {}).get("conditions") or []:
            if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
                return [_refused(condition.get("message", ""))]
    wanted = ((replicaset or {}).get("spec") or {}).get("replicas") or 0
    made = ((replicaset or {}).get("status") or {}).get("replicas") or 0
    if replicaset is None or made >= wanted:
        return []
    uid = replicaset["metadata"].get("uid")
    failures = [
        event for event in events
        if event.get("reason") == "FailedCreate" and (event.get("involvedObject") or {}).get("uid") == uid
    ]  # fmt: skip
    return [_refused(max(failures, key=event_time).get("message", ""))] if failures else []


def _refused(message: str) -> Cause:
    message = message.removeprefix("Error creating: ")
    if quota := _QUOTA.search(message):
        return Cause("workload.quota_exceeded", Severity.ERROR, quota.groupdict())
    if "failed quota" in message:
        return Cause("workload.refused", Severity.ERROR, {"message": _text(message)})
    if re.search(r"(maximum|minimum) \S+ usage per|max limit to request ratio", message):
        return Cause(
            "workload.limit_range", Severity.ERROR, {"message": _text(message.partition(" is forbidden: ")[2])}
        )
    return Cause("workload.refused", Severity.ERROR, {"message": _text(message)})


def _terminating(pod: Object, now: datetime | None) -> Cause:
    metadata = pod["metadata"]
    due = datetime.fromisoformat(metadata["deletionTimestamp"])
    if now is None or now < due + TERMINATION_SLACK:
        return Cause("pod.terminating", Severity.INFO, {"until": metadata["deletionTimestamp"]})
    node = (pod.get("spec") or {}).get("nodeName", "")
    params = {
        "since": metadata["deletionTimestamp"],
        "finalizers": list(metadata.get("finalizers") or []),
        "node": node,
    }
    return Cause("pod.stuck_terminating", Severity.WARNING, params)


def _node_or_eviction(pod: Object, events: Sequence[Object]) -> Cause | None:
    status = pod.get("status") or {}
    node = (pod.get("spec") or {}).get("nodeName", "")
    if status.get("reason") in ("NodeLost", "NodeAffinity", "Shutdown", "Terminated", "NodeShutdown"):
        return Cause("pod.node_lost", Severity.ERROR, {"node": node, "message": _text(status.get("message", ""))})
    if status.get("reason") in ("Evicted", "Preempting"):
        return Cause("pod.evicted", Severity.ERROR, {"node": node, "message": _text(status.get("message", ""))})
    for condition in status.get("conditions") or []:
        if condition.get("type") == "DisruptionTarget" and condition.get("status") == "True":
            gone = condition.get("reason") == "DeletionByTaintManager"
            message = _text(condition.get("message", ""))
            return Cause("pod.node_lost" if gone else "pod.evicted", Severity.ERROR, {"node": node, "message": message})
    ready: Object = next((each for each in status.get("conditions") or [] if each.get("type") == "Ready"), {})
    silent = any(event.get("reason") == "NodeNotReady" for event in events[-3:])
    # The kubelet gives a reason when it says not ready; without one the control plane said it for a silent node.
    if silent and ready.get("status") != "True" and not ready.get("reason"):
        return Cause("pod.node_lost", Severity.ERROR, {"node": node, "message": "Node is not ready"})
    return None


def _unschedulable(status: Object) -> Cause | None:
    for condition in status.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            if condition.get("reason") == "SchedulingGated":
                return Cause(
                    "pod.waiting", Severity.INFO, {"reason": "SchedulingGated", "container": "", "message": ""}
                )
            # What comes after is about preemption, which explains nothing.
            message = re.split(r"\. (?:no new claims|preemption:)", condition.get("message", ""))[0]
            short = sorted(set(_SHORTAGE.findall(message)))
            return Cause("pod.unschedulable", Severity.ERROR, {"message": _text(message), "short_of": short})
    return None


def _init_causes(pod: Object, events: Sequence[Object]) -> list[Cause]:
    status, spec = pod.get("status") or {}, pod.get("spec") or {}
    sidecars = {each["name"] for each in spec.get("initContainers") or [] if each.get("restartPolicy") == "Always"}
    for container in status.get("initContainerStatuses") or []:
        name = container["name"]
        if name in sidecars:
            if causes := _container_causes(pod, container, events):
                return causes
            continue
        state = container.get("state") or {}
        ended = state.get("terminated") or {}
        if ended.get("exitCode") == 0:
            continue
        if "running" in state and not container.get("restartCount"):
            return [Cause("pod.init_running", Severity.INFO, {"container": name})]
        waits = state.get("waiting") or {}
        if waits.get("reason") in _IMAGE_REASONS or _is_configuration(waits):
            return _container_causes(pod, container, events)
        last = ended or (container.get("lastState") or {}).get("terminated")
        if last:
            params = _exit_params(container, last)
            if last.get("reason") == "OOMKilled":
                return [_oom(pod, container, Severity.ERROR)]
            return [Cause("pod.init_failed", Severity.ERROR, params)]
        return []
    return []


def _container_causes(pod: Object, container: Object, events: Sequence[Object]) -> list[Cause]:
    state = container.get("state") or {}
    if waits := state.get("waiting"):
        return _waiting_causes(pod, container, waits, events)
    if ended := state.get("terminated"):
        return _ended_causes(pod, container, ended, events)
    if "running" in state:
        return _running_causes(pod, container, events)
    return []


def _waiting_causes(pod: Object, container: Object, waits: Object, events: Sequence[Object]) -> list[Cause]:
    reason, message, name = waits.get("reason", ""), waits.get("message", ""), container["name"]
    last = (container.get("lastState") or {}).get("terminated") or {}
    if reason in _IMAGE_REASONS:
        return [image_cause(name, _image_of(pod, container), reason, message, events)]
    if reason in _START_REASONS:
        return [_start_failed({**_exit_params(container, last), "message": _text(message)})]
    if reason == "CrashLoopBackOff":
        return _ended_causes(pod, container, last, events)
    if _is_configuration(waits):
        return [_configuration_cause(name, message)]
    if reason in _NOT_STARTED:
        return []
    return [Cause("pod.waiting", Severity.WARNING, {"container": name, "reason": reason, "message": _text(message)})]


def _ended_causes(pod: Object, container: Object, ended: Object, events: Sequence[Object]) -> list[Cause]:
    """Return why a container that is not running ended the last time."""
    for_ever = (pod.get("spec") or {}).get("restartPolicy", "Always") == "Always"
    if ended.get("reason") == "OOMKilled":
        return [_oom(pod, container, Severity.ERROR)]
    if killed := _killed_by_probe(container, ended, events):
        return [killed]
    params = _exit_params(container, ended)
    if ended.get("reason") in _START_REASONS:
        return [_start_failed(params)]
    if ended.get("exitCode") == 0:
        return [Cause("pod.keeps_ending", Severity.ERROR, params)] if for_ever else []
    if not for_ever and (pod.get("status") or {}).get("phase") == "Failed":
        return [Cause("pod.failed", Severity.ERROR, params)]
    return [Cause("pod.crash_loop", Severity.ERROR, params)]


def _running_causes(pod: Object, container: Object, events: Sequence[Object]) -> list[Cause]:
    causes = []
    last = (container.get("lastState") or {}).get("terminated")
    if last:
        if last.get("reason") == "OOMKilled":
            causes.append(_oom(pod, container, Severity.WARNING))
        elif killed := _killed_by_probe(container, last, events):
            causes.append(killed)
        elif last.get("exitCode") != 0:
            causes.append(Cause("pod.restarted", Severity.WARNING, _exit_params(container, last)))
    if container.get("ready"):
        return causes
    probe = "startup" if container.get("started") is False else "readiness"
    since = (container["state"]["running"] or {}).get("startedAt", "")
    if failing := _probe_failing(container["name"], probe, since, events):
        causes.append(failing)
    elif not causes:
        causes.append(Cause("pod.not_ready_yet", Severity.INFO, {"container": container["name"]}))
    return causes


def _killed_by_probe(container: Object, ended: Object, events: Sequence[Object]) -> Cause | None:
    """Return the probe that had the kubelet kill this very run, if one did."""
    started = ended.get("startedAt") or ""
    for event in reversed(events):
        killed = _PROBE_KILL.search(event.get("message", "")) if event.get("reason") == "Killing" else None
        if killed and killed["container"] == container["name"] and event_time(event) >= started:
            found = _probe_failing(container["name"], killed["probe"], "", events)
            said = found.params["message"] if found else ""
            params = {"container": container["name"], "message": said, "restarts": container.get("restartCount", 0)}
            return Cause(f"pod.{killed['probe']}_failing", Severity.ERROR, params)
    return None


def _probe_failing(container: str, probe: str, since: str, events: Sequence[Object]) -> Cause | None:
    for event in reversed(events):
        failed = _PROBE.match(event.get("message", "")) if event.get("reason") == "Unhealthy" else None
        about = (event.get("involvedObject") or {}).get("fieldPath", "")
        if failed is None or failed["probe"].lower() != probe or f"{{{container}}}" not in about:
            continue
        if since and event_time(event) < since:
            return None  # told about an earlier run
        params = {"container": container, "message": _text(failed["said"]), "times": event.get("count") or 1}
        return Cause(f"pod.{probe}_failing", Severity.WARNING, params)
    return None


def _start_failed(params: dict[str, Any]) -> Cause:
    # The runtime names each of its own layers before the reason.
    reason = params["message"].rpartition("unable to start container process: ")[2]
    return Cause("pod.start_failed", Severity.ERROR, {**params, "message": reason})


def _is_configuration(waits: Object) -> bool:
    return waits.get("reason") in ("CreateContainerConfigError", "CreateContainerConfigurationError")


def _configuration_cause(container: str, message: str) -> Cause:
    if key := _CONFIG_KEY.search(message):
        return Cause("pod.config_key_missing", Severity.ERROR, {"container": container, **key.groupdict()})
    if named := _CONFIG_NAME.search(message):
        kind = _KINDS.get(named["kind"], "Secret")
        return Cause(
            "pod.config_missing", Severity.ERROR, {"container": container, "kind": kind, "name": named["name"]}
        )
    if "runAsNonRoot" in message:
        return Cause("pod.runs_as_root", Severity.ERROR, {"container": container})
    return Cause("pod.config_wrong", Severity.ERROR, {"container": container, "message": _text(message)})


def _mount_causes(events: Sequence[Object]) -> list[Cause]:
    for event in reversed(events):
        if event.get("reason") not in ("FailedMount", "FailedAttachVolume"):
            continue
        message = event.get("message", "")
        volume = named["volume"] if (named := _VOLUME.search(message)) else ""
        if missing := _CONFIG_NAME.search(message):
            kind = _KINDS.get(missing["kind"], "Secret")
            return [
                Cause("pod.mount_missing", Severity.ERROR, {"volume": volume, "kind": kind, "name": missing["name"]})
            ]
        return [Cause("pod.mount_failed", Severity.ERROR, {"volume": volume, "message": _text(message)})]
    return []


def _waits_to_start(status: Object) -> bool:
    """Return whether no container was started yet: only then do mount events still tell something."""
    containers = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    return bool(containers) and all(
        ((each.get("state") or {}).get("waiting") or {}).get("reason") in _NOT_STARTED and not each.get("restartCount")
        for each in containers
    )


def _oom(pod: Object, container: Object, severity: Severity) -> Cause:
    spec = pod.get("spec") or {}
    specs = [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]
    own: Object = next((each for each in specs if each["name"] == container["name"]), {})
    limit = ((own.get("resources") or {}).get("limits") or {}).get("memory")
    params = {"container": container["name"], "limit": limit, "restarts": container.get("restartCount", 0)}
    return Cause("pod.oom_killed", severity, params)


def _exit_params(container: Object, ended: Object) -> dict[str, Any]:
    code = ended.get("exitCode")
    return {
        "container": container["name"],
        "exit_code": code,
        "signal": _signal_name(code),
        "restarts": container.get("restartCount", 0),
        "message": _text(ended.get("message", "")),
    }


def _signal_name(exit_code: int | None) -> str:
    # 128 + n is how a runtime says "killed by signal n"; 255 is an exit code like any other.
    try:
        return signal.Signals((exit_code or 0) - 128).name if exit_code and exit_code > 128 else ""
    except ValueError:
        return ""


def _image_of(pod: Object, container: Object) -> str:
    spec = pod.get("spec") or {}
    for each in [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]:
        if each["name"] == container["name"]:
            return str(each.get("image", ""))
    return str(container.get("image", ""))


def _text(message: str) -> str:
    message = message.strip()
    return message if len(message) <= TEXT_LIMIT else message[: TEXT_LIMIT - 1] + "…"
