"""Tell what a pod that was given a node still waits for there: a volume, the network, an image. Pure.

Its status reads ContainerCreating whatever the reason is; only events tell.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .causes import Cause, Severity
from .events import event_time
from .pod_parts import Object, condition, text

_NAMED = re.compile(r'(?P<kind>configmap|secret|persistentvolumeclaim)s? "(?P<name>[^"]+)" not found')
_KEY = re.compile(r"references non-existent (?P<kind>secret|config) key: (?P<key>\S+)")
_VOLUME = re.compile(r'for volume "(?P<volume>[^"]+)"')
_UNMOUNTED = re.compile(r"unmounted volumes=\[(?P<volume>[^\]]+)\]")
_IN_USE = re.compile(r"Multi-Attach error for volume")
_KINDS = {
    "configmap": "ConfigMap",
    "config": "ConfigMap",
    "secret": "Secret",
    "persistentvolumeclaim": "PersistentVolumeClaim",
}
_VOLUME_REASONS = frozenset({"FailedMount", "FailedAttachVolume", "FailedMapVolume"})
_LATER = frozenset({"Pulling", "Pulled", "Created", "Started"})


def preparation_cause(pod: Object, events: Sequence[Object]) -> Cause | None:
    """Return what holds the pod up on its node before any container runs, None where nothing is known.

    `events` of the pod, oldest first.
    """
    if condition(pod, "PodReadyToStartContainers").get("status") != "True":
        for event in reversed(events):
            reason = event.get("reason")
            if reason in _LATER:
                break
            if reason in _VOLUME_REASONS:
                return _volume_cause(pod, event.get("message") or "")
            if reason == "FailedCreatePodSandBox":
                return Cause("pod.sandbox_failed", Severity.ERROR, {"message": text(event.get("message"))})
    images = [event for event in events if event.get("reason") in ("Pulling", "Pulled", "Failed")]
    if images and max(images, key=event_time).get("reason") == "Pulling":
        image = (images[-1].get("message") or "").removeprefix("Pulling image ").strip('"')
        return Cause("pod.pulling_image", Severity.INFO, {"image": image})
    return None


def _volume_cause(pod: Object, message: str) -> Cause:
    found = _VOLUME.search(message) or _UNMOUNTED.search(message)
    volume = found["volume"] if found else ""
    if missing := _NAMED.search(message):
        params = {"volume": volume, "kind": _KINDS[missing["kind"]], "name": missing["name"]}
        return Cause("pod.mount_missing", Severity.ERROR, params)
    if key := _KEY.search(message):
        kind = _KINDS[key["kind"]]
        params = {"volume": volume, "kind": kind, "name": _source(pod, volume, kind), "key": key["key"]}
        return Cause("pod.mount_key_missing", Severity.ERROR, params)
    if _IN_USE.search(message):
        return Cause("pod.volume_in_use", Severity.ERROR, {"volume": volume, "message": text(message)})
    return Cause("pod.mount_failed", Severity.ERROR, {"volume": volume, "message": text(message)})


def _source(pod: Object, volume: str, kind: str) -> str:
    """Return the name of the ConfigMap or Secret behind a volume."""
    for each in (pod.get("spec") or {}).get("volumes") or []:
        if each.get("name") == volume:
            if kind == "Secret":
                return str((each.get("secret") or {}).get("secretName", ""))
            return str((each.get("configMap") or {}).get("name", ""))
    return ""
