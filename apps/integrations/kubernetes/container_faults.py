"""Say why one container is not well, from its status and what events tell of it. Pure.

A crash loop has three faces (waiting, terminated, and running for a moment), and a probe that kills looks like a clean
exit: so the present state, the last one and the events are read together.
https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#container-states
"""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from .causes import Cause, Severity
from .events import event_time
from .image_faults import IMAGE_REASONS, image_cause
from .pod_parts import Object, container_spec, is_about, text
from .probe_faults import killed_by_probe, unready_cause

NOT_STARTED = frozenset({"ContainerCreating", "PodInitializing"})
# A container that runs and is ready, and crashed longer ago than this: history.
RECENT = timedelta(hours=1)

_START_REASONS = frozenset(
    {"RunContainerError", "StartError", "ContainerCannotRun", "CreateContainerError", "PostStartHookError"}
)
_CONFIG_REASONS = frozenset({"CreateContainerConfigError", "CreateContainerConfigurationError"})
_CONFIG_KEY = re.compile(r"couldn't find key (?P<key>\S+) in (?P<kind>ConfigMap|Secret) \S*?/(?P<name>\S+)")
_CONFIG_NAME = re.compile(r'(?P<kind>configmap|secret)s? "(?P<name>[^"]+)" not found')
_KINDS = {"configmap": "ConfigMap", "secret": "Secret"}


def container_causes(
    pod: Object, container: Object, events: Sequence[Object], now: datetime | None = None
) -> list[Cause]:
    """Return the causes of one container's state, none for one that runs and is ready. `events` oldest first."""
    state = container.get("state") or {}
    if waits := state.get("waiting"):
        return _waiting_causes(pod, container, waits, events)
    if ended := state.get("terminated"):
        return ended_causes(pod, container, ended, events)
    if "running" in state:
        return _running_causes(pod, container, events, now)
    return []


def ended_causes(pod: Object, container: Object, ended: Object, events: Sequence[Object]) -> list[Cause]:
    """Return why a container that is not running ended the last time."""
    for_ever = (pod.get("spec") or {}).get("restartPolicy", "Always") == "Always"
    reason = ended.get("reason")
    if reason == "OOMKilled":
        return [oom_cause(pod, container, Severity.ERROR)]
    if reason == "ContainerStatusUnknown":
        return [Cause("pod.lost_track", Severity.WARNING, exit_params(container, ended))]
    if killed := killed_by_probe(container, ended, events):
        return [killed]
    if hook := _failed_hook(container, ended, events):
        return [hook]
    params = exit_params(container, ended)
    if reason in _START_REASONS:
        return [start_cause(params)]
    if ended.get("exitCode") == 0:
        return [Cause("pod.keeps_ending", Severity.ERROR, params)] if for_ever else []
    if not for_ever and (pod.get("status") or {}).get("phase") == "Failed":
        return [Cause("pod.failed", Severity.ERROR, params)]
    return [Cause("pod.crash_loop", Severity.ERROR, params)]


def oom_cause(pod: Object, container: Object, severity: Severity) -> Cause:
    """Return that a container used too much memory, with the limit that it had."""
    own = container_spec(pod, container["name"])
    limit = ((own.get("resources") or {}).get("limits") or {}).get("memory")
    params = {"container": container["name"], "limit": limit, "restarts": container.get("restartCount", 0)}
    return Cause("pod.oom_killed" if limit else "pod.oom_killed_by_node", severity, params)


def start_cause(params: dict[str, Any]) -> Cause:
    """Return why a container's program could not be started; the runtime names each of its own layers before that."""
    reason = params["message"].rpartition("unable to start container process: ")[2]
    code = "pod.wrong_platform" if "exec format error" in reason else "pod.start_failed"
    return Cause(code, Severity.ERROR, {**params, "message": reason})


def exit_params(container: Object, ended: Object) -> dict[str, Any]:
    """Return how a container ended, for a cause."""
    code = ended.get("exitCode")
    return {
        "container": container["name"],
        "exit_code": code,
        "signal": _signal_name(code),
        "restarts": container.get("restartCount", 0),
        "message": text(ended.get("message")),
    }


def _waiting_causes(pod: Object, container: Object, waits: Object, events: Sequence[Object]) -> list[Cause]:
    reason, message, name = waits.get("reason") or "", waits.get("message") or "", container["name"]
    last = (container.get("lastState") or {}).get("terminated") or {}
    if reason in IMAGE_REASONS:
        own = [event for event in events if is_about(event, name)]
        image = str(container_spec(pod, name).get("image") or container.get("image") or "")
        return [image_cause(name, image, reason, message, own)]
    if reason in _START_REASONS:
        return [start_cause({**exit_params(container, last), "message": text(message)})]
    if reason == "CrashLoopBackOff":
        return ended_causes(pod, container, last, events)
    if reason in _CONFIG_REASONS:
        return [_configuration_cause(name, message)]
    if reason in NOT_STARTED:
        return []
    return [Cause("pod.waiting", Severity.WARNING, {"container": name, "reason": reason, "message": text(message)})]


def _running_causes(pod: Object, container: Object, events: Sequence[Object], now: datetime | None) -> list[Cause]:
    causes = []
    last = (container.get("lastState") or {}).get("terminated")
    if last and not (container.get("ready") and _is_history(last, now)):
        if last.get("reason") == "OOMKilled":
            causes.append(oom_cause(pod, container, Severity.WARNING))
        elif killed := killed_by_probe(container, last, events):
            causes.append(killed)
        elif last.get("exitCode") != 0 and last.get("reason") != "ContainerStatusUnknown":
            causes.append(Cause("pod.restarted", Severity.WARNING, exit_params(container, last)))
    if not container.get("ready"):
        unready = unready_cause(pod, container, events)
        if unready.severity > Severity.INFO or not causes:
            causes.append(unready)
    return causes


def _is_history(ended: Object, now: datetime | None) -> bool:
    at = ended.get("finishedAt")
    return bool(now and at) and datetime.fromisoformat(str(at)) < now - RECENT  # type: ignore[operator]


def _failed_hook(container: Object, ended: Object, events: Sequence[Object]) -> Cause | None:
    """Return the postStart hook that had this very run killed, if one did."""
    started = ended.get("startedAt") or ""
    for event in reversed(events):
        if event.get("reason") == "FailedPostStartHook" and is_about(event, container["name"]):
            if event_time(event) < started:
                return None
            params = {**exit_params(container, ended), "message": text(event.get("message"))}
            return Cause("pod.hook_failed", Severity.ERROR, params)
    return None


def _configuration_cause(container: str, message: str) -> Cause:
    if key := _CONFIG_KEY.search(message):
        return Cause("pod.config_key_missing", Severity.ERROR, {"container": container, **key.groupdict()})
    if named := _CONFIG_NAME.search(message):
        params = {"container": container, "kind": _KINDS[named["kind"]], "name": named["name"]}
        return Cause("pod.config_missing", Severity.ERROR, params)
    if "runAsNonRoot" in message:
        named_user = "non-numeric user" in message
        return Cause("pod.user_unknown" if named_user else "pod.runs_as_root", Severity.ERROR, {"container": container})
    return Cause("pod.config_wrong", Severity.ERROR, {"container": container, "message": text(message)})


def _signal_name(exit_code: int | None) -> str:
    # 128 + n is how a runtime says "killed by signal n"; 255 is an exit code like any other.
    try:
        return signal.Signals((exit_code or 0) - 128).name if exit_code and exit_code > 128 else ""
    except ValueError:
        return ""
