"""Pod templates: are two the same, and a short name for one."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from deploy.sandbox.kubernetes.objects import SUFFIX_ALPHABET

Object = dict[str, Any]
_HASH_LABELS = ("pod-template-hash", "controller-revision-hash")
_encoder = msgspec.json.Encoder(order="deterministic")


def comparable(template: Object) -> Object:
    """Return a template without the labels that controllers add."""
    metadata = template.get("metadata") or {}
    labels = {name: value for name, value in (metadata.get("labels") or {}).items() if name not in _HASH_LABELS}
    rest = {name: value for name, value in metadata.items() if name not in ("labels", "creationTimestamp") and value}
    return {"metadata": {**rest, "labels": labels}, "spec": template["spec"]}


def pod_template_hash(template: Object) -> str:
    """Return a short name for a template: the same for the same content, at any time."""
    digest = hashlib.sha256(_encoder.encode(comparable(template))).digest()
    return "".join(SUFFIX_ALPHABET[byte % len(SUFFIX_ALPHABET)] for byte in digest[:10])
