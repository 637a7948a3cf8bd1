"""Tell what probes say of a container, and when that is news. Pure.

A probe that fails while the program starts is how starting looks: it is news once the probe has failed as often as it
may (`failureThreshold`), or for as long as it may (initial delay and that many periods).
https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from .causes import Cause, Severity
from .events import event_time
from .pod_parts import Object, container_spec, is_about, text

_KILLED = re.compile(r"Container (?P<container>\S+) failed (?P<probe>liveness|startup) probe")
_FAILED = re.compile(
    r"^(?P<probe>Liveness|Readiness|Startup) probe (?:failed|errored)(?: and resulted in [^:]*)?: ?(?P<said>.*)$",
    re.DOTALL,
)
_PERIOD, _THRESHOLD = 10, 3  # the API server's defaults


def killed_by_probe(container: Object, ended: Object, events: Sequence[Object]) -> Cause | None:
    """Return the probe that had the kubelet kill this very run, if one did."""
    started = ended.get("startedAt") or ""
    for event in reversed(events):
        killed = _KILLED.search(event.get("message") or "") if event.get("reason") == "Killing" else None
        if killed and killed["container"] == container["name"] and event_time(event) >= started:
            last = _last_failure(container["name"], killed["probe"], events)
            said = _said(last) if last else ""
            params = {"container": container["name"], "message": said, "restarts": container.get("restartCount", 0)}
            return Cause(f"pod.{killed['probe']}_failing", Severity.ERROR, params)
    return None


def unready_cause(pod: Object, container: Object, events: Sequence[Object]) -> Cause:
    """Return why a container that runs is not ready: a probe that fails, or none that has answered yet."""
    name = container["name"]
    spec = container_spec(pod, name)
    probe = "startup" if container.get("started") is False and spec.get("startupProbe") else "readiness"
    started = (container["state"]["running"] or {}).get("startedAt") or ""
    last = _last_failure(name, probe, events)
    if last is None or event_time(last) < started:  # told about an earlier run
        return Cause("pod.not_ready_yet", Severity.INFO, {"container": name})
    params = {"container": name, "message": _said(last), "times": last.get("count") or 1}
    if _is_news(spec.get(f"{probe}Probe") or {}, last, started):
        return Cause(f"pod.{probe}_failing", Severity.WARNING, params)
    return Cause("pod.not_answering_yet", Severity.INFO, {**params, "probe": probe})


def _last_failure(container: str, probe: str, events: Sequence[Object]) -> Object | None:
    for event in reversed(events):
        failed = _FAILED.match(event.get("message") or "") if event.get("reason") == "Unhealthy" else None
        if failed and failed["probe"].lower() == probe and is_about(event, container):
            return event
    return None


def _said(event: Object) -> str:
    failed = _FAILED.match(event.get("message") or "")
    return text(failed["said"]) if failed else ""


def _is_news(probe: Object, last: Object, started: str) -> bool:
    threshold = probe.get("failureThreshold") or _THRESHOLD
    first = last.get("firstTimestamp") or ""
    if started and first >= started and (last.get("count") or 1) >= threshold:
        return True
    if not (started and event_time(last)):
        return True
    allowed = (probe.get("initialDelaySeconds") or 0) + (probe.get("periodSeconds") or _PERIOD) * threshold
    passed = datetime.fromisoformat(event_time(last)) - datetime.fromisoformat(started)
    return passed.total_seconds() >= allowed
