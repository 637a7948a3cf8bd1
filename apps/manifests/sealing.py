"""Secret values stay out of stored manifests: references in the bytes, values only while applying (decision 5).

A rendered Secret holds, in place of each base64 value, the one-key object ``{"slipway.io/secret-ref": "<reference>"}``.
It is an object on purpose: an API server refuses it, so a set that was never bound cannot be applied by mistake.
A reference such as ``environment:production/DB_PASSWORD@3`` names one immutable version of one value of the
application, so that a rollback binds the very values it was released with.

The Secret's name ends in an HMAC of its values: other values, another name, a rollout; and nobody can test guesses of a
value against the name without the application's key.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

REFERENCE_KEY = "slipway.io/secret-ref"
# 48 bits of a hash in a name: short enough to read; the cluster refuses a clash, because the objects are immutable.
NAME_DIGITS = 12

Manifest = dict[str, Any]


class UnboundSecret(LookupError):
    """A reference in the manifests has no value to be bound to."""

    def __init__(self, reference: str) -> None:
        super().__init__(reference)
        self.reference = reference


@dataclass(frozen=True, slots=True)
class SecretReferences:
    """What rendering knows about the secret values of one application on one target: names and a fingerprint."""

    fingerprint: str = ""
    references: Mapping[str, str] = field(default_factory=dict)


def fingerprint(key: bytes, values: Mapping[str, str]) -> str:
    """Return the HMAC-SHA256 of `values`, independent of their order, or the empty text when there are none."""
    if not values:
        return ""
    return hmac.new(key, msgspec.json.encode(dict(values), order="deterministic"), hashlib.sha256).hexdigest()


def placeholder(reference: str) -> dict[str, str]:
    """Return what stands in a stored Secret in place of the value."""
    return {REFERENCE_KEY: reference}


def reference_of(value: object) -> str | None:
    """Return the reference when `value` is a placeholder."""
    if isinstance(value, dict) and value.keys() == {REFERENCE_KEY} and isinstance(value[REFERENCE_KEY], str):
        return str(value[REFERENCE_KEY])
    return None


def _placeholders(objects: Sequence[Manifest]) -> Iterator[tuple[int, str, str]]:
    for index, manifest in enumerate(objects):
        if manifest.get("kind") != "Secret":
            continue
        for key, value in (manifest.get("data") or {}).items():
            reference = reference_of(value)
            if reference is not None:
                yield index, key, reference


def list_references(objects: Sequence[Manifest]) -> list[str]:
    """Return the references that must be bound before `objects` can be applied."""
    return sorted({reference for _, _, reference in _placeholders(objects)})


def bind_secrets(objects: Sequence[Manifest], values: Mapping[str, str]) -> list[Manifest]:
    """Return `objects` with each placeholder replaced by its value in base64; the argument is left alone.

    Raises:
        UnboundSecret: a reference is not in `values`.
    """
    bound = [{**manifest, "data": dict(manifest["data"])} if manifest.get("data") else manifest for manifest in objects]
    for index, key, reference in _placeholders(objects):
        if reference not in values:
            raise UnboundSecret(reference)
        bound[index]["data"][key] = base64.b64encode(values[reference].encode()).decode()
    return bound


def plan_hash(content: bytes, secret_fingerprint: str) -> str:
    """Return what an approval signs: the SHA-256 over the stored bytes and the fingerprint of the secret values."""
    digest = hashlib.sha256(b"slipway-plan-1\0")
    digest.update(hashlib.sha256(content).digest())
    digest.update(secret_fingerprint.encode())
    return digest.hexdigest()
