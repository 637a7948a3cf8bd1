"""Which field of the DeployYml a drifted field comes from, and the form data that says what is live. Pure.

One table, from where a field stands in an object to where it stands in the form. What is not in it cannot be accepted,
and the page says why: an image comes from a build, a secret value is set, an object is brought back or released away.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from apps.manifests.overrides import KEYED_LISTS, REMOVE
from apps.manifests.render.context import CONTAINER

from .comparing import REMOVED, FieldDrift, ObjectDrift

Document = dict[str, Any]
Place = tuple[str, ...]

_CONTAINER = rf'\.spec\.template\.spec\.containers\[name="{CONTAINER}"\]'
_KEY = r'(?:\.(?P<plain>\w+)|\["(?P<quoted>[^"]+)"\])'
_PROBE_FIELDS = {
    "initialDelaySeconds": "initial_delay",
    "periodSeconds": "period",
    "timeoutSeconds": "timeout",
    "successThreshold": "success_threshold",
    "failureThreshold": "failure_threshold",
    "httpGet.path": "path",
}
_IMAGE = re.compile(rf"{_CONTAINER}\.image")


def _row(kind: str, path: str, place: Callable[[re.Match[str]], Place]) -> tuple[str, re.Pattern[str], Any]:
    return kind, re.compile(path), place


def _fixed(*place: str) -> Callable[[re.Match[str]], Place]:
    return lambda _match: place


def _key(match: re.Match[str]) -> str:
    return match["plain"] or match["quoted"]


_PLACES = (
    _row("Deployment", r"\.spec\.replicas", _fixed("replicas")),
    _row("Deployment", r"\.spec\.progressDeadlineSeconds", _fixed("progress_deadline")),
    _row("Deployment", r"\.spec\.strategy\.type", _fixed("strategy", "type")),
    _row("Deployment", r"\.spec\.strategy\.rollingUpdate\.maxSurge", _fixed("strategy", "max_surge")),
    _row("Deployment", r"\.spec\.strategy\.rollingUpdate\.maxUnavailable", _fixed("strategy", "max_unavailable")),
    _row("Deployment", rf"{_CONTAINER}\.(command|args)", lambda match: (match[1],)),
    _row(
        "Deployment",
        rf"{_CONTAINER}\.resources\.(requests|limits)\.(cpu|memory)",
        lambda match: ("resources", match[1], match[2]),
    ),
    _row("Deployment", rf'{_CONTAINER}\.env\[name="(\w+)"\](?:\.value)?', lambda match: ("env", match[1])),
    _row(
        "Deployment",
        rf"{_CONTAINER}\.(readiness|liveness|startup)Probe\.({'|'.join(map(re.escape, _PROBE_FIELDS))})",
        lambda match: ("probes", match[1], _PROBE_FIELDS[match[2]]),
    ),
    _row("Deployment", rf"{_CONTAINER}\.securityContext\.readOnlyRootFilesystem", _fixed("read_only_root")),
    _row("Deployment", r"\.spec\.template\.spec\.terminationGracePeriodSeconds", _fixed("lifecycle", "grace_period")),
    _row("Deployment", r"\.spec\.template\.spec\.securityContext\.runAsUser", _fixed("run_as_user")),
    _row("Deployment", rf"\.spec\.template\.spec\.nodeSelector{_KEY}", lambda match: ("node_selector", _key(match))),
    _row("Deployment", rf"\.spec\.template\.metadata\.annotations{_KEY}", lambda match: ("annotations", _key(match))),
    _row("Service", r"\.spec\.type", _fixed("service", "type")),
    _row("Ingress", rf"\.metadata\.annotations{_KEY}", lambda match: ("ingress", "annotations", _key(match))),
    _row("Ingress", r"\.spec\.rules\[0\]\.host", _fixed("ingress", "host")),
    _row("Ingress", r"\.spec\.ingressClassName", _fixed("ingress", "class_name")),
    _row("HorizontalPodAutoscaler", r"\.spec\.minReplicas", _fixed("autoscaling", "min")),
    _row("HorizontalPodAutoscaler", r"\.spec\.maxReplicas", _fixed("autoscaling", "max")),
    _row(
        "HorizontalPodAutoscaler",
        r"\.spec\.metrics\[0\]\.resource\.target\.averageUtilization",
        _fixed("autoscaling", "cpu"),
    ),
)


def place_of(kind: str, path: str) -> Place | None:
    """Return where the form says what stands at a path of an object of a kind; None where it does not."""
    for known, pattern, place in _PLACES:
        if kind == known and (match := pattern.fullmatch(path)):
            found: Place = place(match)
            return found
    return None


def why_not(kind: str, path: str, *, hidden: bool, live: Any) -> str:
    """Return the code of why a field cannot be accepted, empty where it can."""
    if hidden:
        return "drift.is_secret"
    if kind == "Deployment" and _IMAGE.fullmatch(path):
        return "drift.is_image"
    place = place_of(kind, path)
    if place is None:
        return "drift.not_in_form"
    if place[0] == "env" and isinstance(live, dict) and "value" not in live:
        return "drift.not_in_form"  # a variable that reads from elsewhere
    return ""


def layer_with(
    layer: Mapping[str, Any], resolved: Mapping[str, Any], drift: ObjectDrift, field: FieldDrift
) -> Document:
    """Return a target's layer that says what is live at a field which can be accepted.

    `resolved` is the document that the target gets now: a probe is replaced as a whole, so its other fields are repeated.
    """
    place = place_of(drift.kind, field.path)
    assert place is not None
    if place[:1] in KEYED_LISTS:
        return _with_row(layer, place, field)
    if place[0] == "probes":
        probe = (resolved.get("probes") or {}).get(place[1]) or {}
        return _merged(layer, place[:2], {**probe, place[2]: field.live})
    return _merged(layer, place, field.live)


def _merged(layer: Mapping[str, Any], place: Place, value: Any) -> Document:
    """Return the layer with a value at a place; None removes what lower layers say."""
    if len(place) == 1:
        return {**layer, place[0]: value}
    inner = layer.get(place[0])
    return {**layer, place[0]: _merged(inner if isinstance(inner, dict) else {}, place[1:], value)}


def _with_row(layer: Mapping[str, Any], place: Place, field: FieldDrift) -> Document:
    group, name = place
    key = KEYED_LISTS[(group,)]
    rows = [row for row in layer.get(group) or [] if row.get(key) != name]
    if field.what == REMOVED and isinstance(field.steps[-1], tuple):
        return {**layer, group: [*rows, {key: name, REMOVE: True}]}
    value = field.live["value"] if isinstance(field.live, dict) else field.live
    return {**layer, group: [*rows, {key: name, "value": value or ""}]}
