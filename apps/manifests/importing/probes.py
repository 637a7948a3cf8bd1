"""The probes of a container, and its manners when it ends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .findings import Level, Report, Taker

PROBES = {"readiness": "readinessProbe", "liveness": "livenessProbe", "startup": "startupProbe"}
_TIMES = {
    "initialDelaySeconds": ("initial_delay", 0),
    "periodSeconds": ("period", 10),
    "timeoutSeconds": ("timeout", 1),
    "successThreshold": ("success_threshold", 1),
    "failureThreshold": ("failure_threshold", 3),
}


def import_probes(container: Taker, port_names: Mapping[int, str], report: Report) -> dict[str, Any]:
    """Return the three probes of the form; None where there is none, so that the platform adds none."""
    return {name: _probe(container.part(live), port_names, report) for name, live in PROBES.items()}


def _probe(probe: Taker, port_names: Mapping[int, str], report: Report) -> dict[str, Any] | None:
    if not any(probe.left()):
        return None
    row: dict[str, Any] = {field: probe.take(live, default=default) for live, (field, default) in _TIMES.items()}
    http, tcp, command = probe.part("httpGet"), probe.part("tcpSocket"), probe.take("exec", "command")
    if command is not None:
        row |= {"type": "command", "command": command}
    elif (port := http.take("port")) is not None:
        row |= {"type": "http", "port": port_names.get(port, port), "path": http.take("path", default="/")}
        if http.take("scheme", default="HTTP") != "HTTP":
            report.add(Level.STOP, "probe", http, kind="HTTPS")
    elif (port := tcp.take("port")) is not None:
        row |= {"type": "tcp", "port": port_names.get(port, port)}
    else:
        report.add(Level.STOP, "probe", probe, kind=", ".join(str(path[0]) for path, _ in probe.left()))
        return None
    if row["type"] != "command" and not isinstance(row["port"], str):
        report.add(Level.STOP, "probe_port", probe, port=row["port"])
        return None
    for part in (http, tcp, probe):
        report.rest(part)
    return row


def import_lifecycle(container: Taker, pod: Taker, report: Report) -> dict[str, int]:
    """Return the seconds before the signal and from the deletion to the end."""
    grace = pod.take("terminationGracePeriodSeconds", default=30)
    lifecycle = container.part("lifecycle")
    seconds = lifecycle.take("preStop", "sleep", "seconds")
    command = lifecycle.take("preStop", "exec", "command")
    if command is not None and seconds is None:
        is_sleep = len(command) == 2 and command[0] in ("sleep", "/bin/sleep") and command[1].isdigit()
        seconds = int(command[1]) if is_sleep else None
        if not is_sleep:
            report.add(Level.LOST, "pre_stop", lifecycle, command=" ".join(command)[:60])
    report.rest(lifecycle)
    return {"pre_stop_sleep": seconds or 0, "grace_period": grace}
