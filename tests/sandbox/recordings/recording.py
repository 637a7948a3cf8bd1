"""Exchanges with a real API server, and how an answer of ours is held against them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "recordings" / "kubernetes-1.36"
Object = dict[str, Any]
_CHANGING = {"uid", "resourceVersion", "creationTimestamp", "deletionTimestamp", "lastTransitionTime", "token",
             "expirationTimestamp", "clusterIP", "clusterIPs", "time"}  # fmt: skip
_UID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_QUOTED_OBJECT = re.compile(r'Invalid value: "\{.*\}":', re.DOTALL)
_VERSION = re.compile(r"\(\d+\)")
_VOLUME = re.compile(r"kube-api-access-\w{5}")
_REVISION = "deployment.kubernetes.io/revision"


def exchanges(name: str) -> list[Object]:
    found: list[Object] = json.loads((FOLDER / f"{name}.json").read_text())["exchanges"]
    return found


def body_of(request: Object) -> str | None:
    if "body" in request:
        return json.dumps(request["body"])
    return request.get("bodyText")


def comparable(value: Any) -> Any:
    """Return an answer without what differs from server to server, and without what controllers (not run here) add."""
    if isinstance(value, dict):
        kept = {key: value[key] for key in value if key not in ("managedFields", "trimmedByRecorder")}
        if kept.get("kind") in ("Deployment", "Scale", "Namespace"):
            kept.pop("status", None)
        annotations = {key: text for key, text in (kept.pop("annotations", None) or {}).items() if key != _REVISION}
        if annotations:
            kept["annotations"] = annotations
        return {key: "*" if key in _CHANGING else comparable(inner) for key, inner in kept.items()}
    if isinstance(value, list):
        return [comparable(each) for each in value]
    if isinstance(value, str):
        value = _QUOTED_OBJECT.sub("Invalid value: <object>:", value)
        return _VOLUME.sub("<volume>", _VERSION.sub("(*)", _UID.sub("<uid>", value)))
    return value
