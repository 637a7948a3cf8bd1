"""What a cluster's refusal means for a deployment: a code, and what a person needs to decide what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from apps.applications.models import Target
from apps.integrations.errors import IntegrationError
from apps.integrations.kubernetes.answers import (
    ApplyConflict,
    Conflict,
    KindNotServed,
    NamespaceEnding,
    NamespaceMissing,
)
from apps.integrations.kubernetes.client import KubernetesClient
from apps.integrations.kubernetes.field_paths import ABSENT, value_at
from apps.integrations.redaction import Redactor

from .moves import name_of

Manifest = Mapping[str, Any]
Refusal = tuple[str, dict[str, Any]]

_IMMUTABLE = re.compile(r"field is immutable|may not change once set")
CONFLICTS_SHOWN = 50
VALUE_SHOWN = 120


def of(exc: IntegrationError, manifest: Manifest, target: Target, redactor: Redactor) -> Refusal:
    """Return the code and parameters of why the cluster does not take an object."""
    name = name_of(manifest)
    if isinstance(exc, NamespaceMissing):
        return "apply.namespace_missing", {"object": name, "namespace": target.namespace}
    if isinstance(exc, NamespaceEnding):
        return "apply.namespace_ending", {"object": name, "namespace": target.namespace}
    if isinstance(exc, KindNotServed):
        cluster = target.cluster
        params = {"object": name, "api_version": manifest["apiVersion"], "cluster": cluster.name}
        return "apply.kind_not_served", {**params, "version": cluster.version}
    details = getattr(exc, "details", ())
    if fixed := [field for field, reason in details if field and _IMMUTABLE.search(reason)]:
        return "apply.immutable", {"object": name, "fields": ", ".join(fixed)}
    fields = [field for field, _ in details if field]
    return "apply.rejected", {"object": name, "message": redactor(exc.message), "fields": fields}


def of_conflicts(conflicts: Sequence[dict[str, str]]) -> Refusal:
    """Return the code and parameters of conflicts that were described."""
    objects = ", ".join(dict.fromkeys(conflict["object"] for conflict in conflicts))
    managers = ", ".join(sorted({conflict["manager"] for conflict in conflicts}))
    return "apply.conflict", {"object": objects, "managers": managers, "conflicts": list(conflicts[:CONFLICTS_SHOWN])}


def find_conflicts(
    client: KubernetesClient, unsent: Sequence[dict[str, Any]], first: ApplyConflict, redactor: Redactor
) -> list[dict[str, str]]:
    """Return every conflict that the objects not sent yet would meet, so that a person decides about all of them at once.

    The first of them is known; the others are asked for by a dry run.
    """
    found = describe(unsent[0], _live(client, unsent[0]), first.conflicts, redactor)
    for manifest in unsent[1:]:
        try:
            client.apply_over_own(manifest, dry_run=True)
        except ApplyConflict as exc:
            found += describe(manifest, _live(client, manifest), exc.conflicts, redactor)
        except IntegrationError:
            continue  # it is told when its turn comes
    return found


def _live(client: KubernetesClient, manifest: Manifest) -> Manifest:
    metadata = manifest["metadata"]
    try:
        return client.find(manifest["kind"], metadata["name"], metadata["namespace"]) or {}
    except IntegrationError:
        return {}


def describe(
    manifest: Manifest, live: Manifest, conflicts: Sequence[Conflict], redactor: Redactor
) -> list[dict[str, str]]:
    """Return conflicts of one object with the live value and ours; a Secret's values stay away."""
    hidden = manifest["kind"] == "Secret"
    return [
        {
            "object": name_of(manifest),
            "manager": conflict.manager,
            "subresource": conflict.subresource,
            "field": conflict.field.removeprefix("."),
            "live": "" if hidden else shown(value_at(live, conflict.field), redactor),
            "ours": "" if hidden else shown(value_at(manifest, conflict.field), redactor),
        }
        for conflict in conflicts
    ]


def shown(value: Any, redactor: Redactor) -> str:
    """Return a value as a short text; empty where there is none."""
    if value is ABSENT:
        return ""
    text = redactor(value if isinstance(value, str) else msgspec.json.encode(value).decode())
    return text if len(text) <= VALUE_SHOWN else f"{text[: VALUE_SHOWN - 1]}…"
