"""What bringing a set to a target would change there, asked from its cluster: a dry run of each object, and what would go.

`question` reads the database, `ask` only the cluster: so several clusters are asked side by side, in threads. The answer is
plain values without secrets, and can be stored.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any

from apps.applications.models import Target
from apps.clusters import breaker
from apps.clusters import selectors as clusters
from apps.integrations import providers
from apps.integrations.calls import Timeout
from apps.integrations.connection import ClusterConnection
from apps.integrations.errors import IntegrationError, Missing, Rejected
from apps.integrations.kubernetes.changes import Change, Foreign
from apps.integrations.kubernetes.client import KubernetesClient
from apps.integrations.kubernetes.field_paths import ABSENT
from apps.integrations.kubernetes.order import apply_order
from apps.integrations.kubernetes.preview import ObjectPreview
from apps.integrations.kubernetes.preview import preview as preview_object
from apps.integrations.redaction import Redactor
from apps.manifests import selectors as manifests
from apps.manifests.models import ManifestSet

from . import refusals, selectors
from .moves import name_of
from .pruning import find_leftovers
from .refusals import Refusal
from .sending import gives_way

Manifest = dict[str, Any]

SIDE_BY_SIDE = 8
FIELDS_SHOWN = 100
UNREACHABLE = "gate.cluster_unreachable"
_NOTHING: dict[str, Any] = {"changes": [], "foreign": [], "warnings": []}
_APPLIED_BY_KUBECTL = ".metadata.annotations.kubectl.kubernetes.io/last-applied-configuration"


@dataclass(frozen=True, repr=False)
class Question:
    """One target's objects, with secret values bound: it is never printed, stored or sent on."""

    target: Target
    connection: ClusterConnection
    uid: str
    objects: Sequence[Manifest]
    redactor: Redactor
    kept: Collection[tuple[str, str]]


@dataclass(frozen=True)
class SetPreview:
    """The answer: what becomes of each object, what would go, and why the cluster would not take it, if so.

    `problem` is a code with parameters. Conflicts alone are no problem of the cluster's: who asks decides about them.
    """

    objects: list[dict[str, Any]] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    conflicts: list[dict[str, str]] = field(default_factory=list)
    problem: Refusal | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, as they are stored and shown."""
        return asdict(self)


def question(manifest_set: ManifestSet, target: Target) -> Question | None:
    """Return what to ask a target's cluster, or None where it was found dead just now.

    Raises:
        UnboundSecret: a secret value of the set is gone.
    """
    if breaker.seconds_until_try(target.cluster_id):
        return None
    application = manifest_set.application
    bound = manifests.bound_objects(manifest_set)
    return Question(
        target=target,
        connection=clusters.client_connection(target.cluster),
        uid=application.uid,
        objects=bound.objects,
        redactor=bound.redactor,
        kept=selectors.kept_names(application, target),
    )


def ask_all(questions: Sequence[Question]) -> list[SetPreview]:
    """Return the answers in the order of the questions; a slow cluster costs its own time-out once, not the sum of all."""
    if not questions:
        return []
    with ThreadPoolExecutor(max_workers=min(SIDE_BY_SIDE, len(questions))) as pool:
        return list(pool.map(ask, questions))


def ask(asked: Question, timeout: Timeout | None = None) -> SetPreview:
    """Return what bringing the set there would change. A refusal is part of the answer, and so is a cluster that is away."""
    client = providers.kubernetes(asked.connection, timeout=timeout)
    objects: list[dict[str, Any]] = []
    conflicts: list[dict[str, str]] = []
    problem: Refusal | None = None
    try:
        for manifest in apply_order(asked.objects):
            try:
                found = _preview(client, manifest, asked)
            except (Rejected, Missing) as exc:
                problem = problem or refusals.of(exc, manifest, asked.target, asked.redactor)
                objects.append({"name": name_of(manifest), "outcome": "refused", **_NOTHING})
                continue
            objects.append(_shown(manifest, found, asked.redactor))
            conflicts += refusals.describe(manifest, found.live or {}, found.conflicts, asked.redactor)
        left = find_leftovers(client, asked.uid, asked.target.namespace, asked.objects, asked.kept)
    except IntegrationError as exc:
        params = {"cluster": asked.connection.name, "message": asked.redactor(exc.message)}
        return SetPreview(objects, [], conflicts, (UNREACHABLE if exc.retryable else exc.code, params | _rights(exc)))
    return SetPreview(objects, [name_of(item) for item in left.objects], conflicts, problem)


def _preview(client: KubernetesClient, manifest: Manifest, asked: Question) -> ObjectPreview:
    return preview_object(
        client,
        manifest,
        gives_way=lambda conflict: gives_way(client, asked.target.namespace, asked.objects, manifest, conflict),
    )


def _rights(exc: IntegrationError) -> dict[str, Any]:
    return {name: exc.params[name] for name in ("verb", "resource") if name in exc.params}


def _shown(manifest: Manifest, found: ObjectPreview, redactor: Redactor) -> dict[str, Any]:
    secret = manifest["kind"] == "Secret"
    return {
        "name": name_of(manifest),
        "outcome": str(found.outcome),
        "changes": [_change(change, redactor, secret=secret) for change in found.changes[:FIELDS_SHOWN]],
        "foreign": [_foreign(each, redactor, secret=secret) for each in found.foreign[:FIELDS_SHOWN]],
        "warnings": [redactor(text) for text in found.warnings],
    }


def _change(change: Change, redactor: Redactor, *, secret: bool) -> dict[str, Any]:
    hidden = _is_hidden(change.path, secret=secret)
    return {
        "field": change.path.removeprefix("."),
        "kind": "added" if change.old is ABSENT else "removed" if change.new is ABSENT else "changed",
        "old": "" if hidden else refusals.shown(change.old, redactor),
        "new": "" if hidden else refusals.shown(change.new, redactor),
        "hidden": hidden,
        "ours": change.ours,
    }


def _foreign(each: Foreign, redactor: Redactor, *, secret: bool) -> dict[str, Any]:
    hidden = _is_hidden(each.path, secret=secret)
    return {
        "field": each.path.removeprefix("."),
        "value": "" if hidden else refusals.shown(each.value, redactor),
        "manager": each.manager,
        "subresource": each.subresource,
        "at": each.at,
        "by_hand": each.by_hand,
    }


def _is_hidden(path: str, *, secret: bool) -> bool:
    """Return whether a field's value stays away: a Secret's, and kubectl's copy of what it applied, which may hold anything."""
    return path == _APPLIED_BY_KUBECTL or (secret and path.startswith((".data", ".stringData")))
