"""What the platform fills in, as the lowest layer of every document, each with the reason in a sentence.

The form shows these values with their reason wherever nobody wrote another one, so nothing happens behind a person's
back. What is written into objects but cannot be chosen (`HARDENING`) is listed too, for the same page.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.integrations.kubernetes import quantity
from apps.manifests import fields
from apps.manifests.overrides import PLATFORM, Layer


def gettext_noop(text: str) -> str:
    """Mark `text` for makemessages and leave it alone; it is translated when somebody reads it."""
    return text


PRE_STOP_SLEEP = 10
# Less memory than any program needs, and more cores than any node has: slips such as 512m for memory.
LEAST_MEMORY = 4 * quantity.MEBIBYTE
MOST_CORES = 1024 * quantity.CORE
# Time to finish requests after SIGTERM, on top of the sleep before it.
GRACE_AFTER_SIGNAL = 20
LOG_SIZE_LIMIT = "1Gi"


@dataclass(frozen=True, slots=True)
class Default:
    """A value the platform fills in, and why."""

    path: str
    value: Any
    reason: str


_ALWAYS = (
    Default("kind", "Deployment", gettext_noop("Services without a state of their own run as a Deployment.")),
    Default("replicas", 2, gettext_noop("Two pods, so that one may go away without an outage.")),
    Default("resources.requests.cpu", "50m", gettext_noop("A twentieth of a core is reserved for each pod.")),
    Default("resources.requests.memory", "128Mi", gettext_noop("This much memory is reserved for each pod.")),
    Default(
        "resources.limits.cpu", "500m", gettext_noop("Every service has a limit, so that none starves its neighbours.")
    ),
    Default("resources.limits.memory", "256Mi", gettext_noop("A leak ends this pod, not the node.")),
    Default(
        "lifecycle.pre_stop_sleep",
        PRE_STOP_SLEEP,
        gettext_noop("Traffic needs some seconds to move away before the program is told to end."),
    ),
    Default(
        "init_process",
        True,
        gettext_noop("An init process collects zombies, which would keep pods from being deleted."),
    ),
    Default("strategy.type", "RollingUpdate", gettext_noop("New pods are ready before old ones go.")),
    Default("strategy.max_surge", 1, gettext_noop("One pod more than wanted during a rollout.")),
    Default("strategy.max_unavailable", 0, gettext_noop("Never fewer ready pods than wanted during a rollout.")),
    Default("progress_deadline", 600, gettext_noop("A rollout without progress for ten minutes has failed.")),
)

_WITH_TCP_PORT = (
    Default(
        "service.enabled", True, gettext_noop("Ports are published inside the cluster under the application's name.")
    ),
    Default(
        "service.type",
        "ClusterIP",
        gettext_noop("Reachable inside the cluster; the Ingress is the way in from outside."),
    ),
    Default(
        "probes.startup",
        {"type": "tcp", "period": 1, "failure_threshold": 120},
        gettext_noop("Up to two minutes to start before liveness counts."),
    ),
    Default(
        "probes.readiness",
        {"type": "tcp", "period": 5},
        gettext_noop("Traffic only reaches pods whose first port is open. Asking the program itself is better."),
    ),
    Default(
        "probes.liveness",
        {"type": "tcp", "period": 10, "timeout": 3},
        gettext_noop("A program that no longer answers is restarted."),
    ),
)

_OTHER_SIDE = {
    f"resources.{side}.{name}": f"resources.{other}.{name}"
    for side, other in (("requests", "limits"), ("limits", "requests"))
    for name in ("cpu", "memory")
}
_GRACE_REASON = gettext_noop("The sleep before the signal and twenty seconds to finish what is running.")

HARDENING: tuple[Default, ...] = (
    Default("automountServiceAccountToken", False, gettext_noop("Programs get no credentials for the cluster.")),
    Default("enableServiceLinks", False, gettext_noop("Other services do not leak into the environment.")),
    Default(
        "securityContext.allowPrivilegeEscalation",
        False,
        gettext_noop("No program gains rights it did not start with."),
    ),
    Default(
        "securityContext.seccompProfile.type",
        "RuntimeDefault",
        gettext_noop("System calls that no service needs are refused."),
    ),
    Default(
        "imagePullPolicy",
        "IfNotPresent",
        gettext_noop("An image named by digest never changes; nodes that have it need no registry."),
    ),
    Default(
        "imagePullSecrets",
        ["slipway-pull"],
        gettext_noop("Nodes pull from the registry with a credential of the namespace."),
    ),
    Default(
        "env",
        ["POD_NAME", "POD_NAMESPACE", "POD_IP", "PORT", "LOG_DIR"],
        gettext_noop("Programs learn where they run; a variable of the same name in the form wins."),
    ),
)


def list_defaults(document: Mapping[str, Any]) -> list[Default]:
    """Return the values the platform fills in for `document`, which holds what people wrote, already merged.

    Some depend on it: a program without ports needs no Service and cannot be probed over the network, the grace period
    follows the sleep, and a request is never above the limit that somebody wrote.
    """
    grace = Default("lifecycle.grace_period", _pre_stop_sleep(document) + GRACE_AFTER_SIGNAL, _GRACE_REASON)
    defaults = [*_ALWAYS, grace, *(_WITH_TCP_PORT if _has_tcp_port(document) else ())]
    return [_fitting(default, document) if default.path in _OTHER_SIDE else default for default in defaults]


def _has_tcp_port(document: Mapping[str, Any]) -> bool:
    ports = document.get("ports")
    return isinstance(ports, list) and any(
        isinstance(port, dict) and port.get("protocol", "TCP") == "TCP" for port in ports
    )


def _pre_stop_sleep(document: Mapping[str, Any]) -> int:
    lifecycle = document.get("lifecycle")
    seconds = lifecycle.get("pre_stop_sleep", PRE_STOP_SLEEP) if isinstance(lifecycle, dict) else PRE_STOP_SLEEP
    return seconds if isinstance(seconds, int) and 0 <= seconds <= 600 else PRE_STOP_SLEEP


def _plausible(path: str, amount: str) -> bool:
    """Tell whether the form accepts an amount; following one that it refuses would report the same slip twice."""
    if not quantity.is_valid(amount):
        return False
    value = quantity.parse(amount)
    return value >= LEAST_MEMORY if path.endswith(".memory") else value <= MOST_CORES


def _fitting(default: Default, document: Mapping[str, Any]) -> Default:
    """Return the default of an amount, or the written amount of the other side where the two would contradict."""
    other: Any = document
    for step in fields.parse_path(_OTHER_SIDE[default.path]):
        other = other.get(step) if isinstance(other, dict) else None
    if not isinstance(other, str) or not _plausible(default.path, other):
        return default
    order = quantity.compare(default.value, other)
    contradicts = order > 0 if ".requests." in default.path else order < 0
    return Default(default.path, other, default.reason) if contradicts else default


def platform_layer(document: Mapping[str, Any]) -> Layer:
    """Return the platform's values for `document` as the lowest layer."""
    values: dict[str, Any] = {}
    for default in list_defaults(document):
        *parents, last = fields.parse_path(default.path)
        target = values
        for step in parents:
            target = target.setdefault(str(step), {})
        target[str(last)] = default.value
    return Layer(PLATFORM, values)
