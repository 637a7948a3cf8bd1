"""Ask a cluster what applying an object would change, changing nothing: what is there, and a dry run.

https://kubernetes.io/docs/reference/using-api/api-concepts/#dry-run
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from apps.integrations.errors import Missing, Rejected, Unauthorized

from . import ownership
from .answers import ApplyConflict, Conflict
from .changes import Change, Foreign, compare, foreign_fields
from .client import KubernetesClient
from .entities import Object
from .field_managers import FIELD_MANAGER

# A webhook with side effects that does not know dry runs: nobody can say in advance.
_NO_DRY_RUN = "does not support dry run"


class Outcome(StrEnum):
    """What an apply would do with an object."""

    CREATE = "create"
    CHANGE = "change"
    KEEP = "keep"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class ObjectPreview:
    """What would become of one object. Values of Secrets are in here only as long as nobody else sees it."""

    outcome: Outcome
    changes: list[Change] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    foreign: list[Foreign] = field(default_factory=list)
    live: Object | None = None
    warnings: tuple[str, ...] = ()


def preview(client: KubernetesClient, manifest: Object, *, gives_way: Callable[[Conflict], bool]) -> ObjectPreview:
    """Return what applying one object would do; conflicts that `gives_way` accepts are none.

    With conflicts it shows what would change if the fields were taken over.

    Raises:
        Rejected, Missing: the cluster would not take it.
        IntegrationError: it cannot be asked.
    """
    live = _live(client, manifest)
    asked = _keeping_replicas(manifest, live)
    conflicts: list[Conflict] = []
    try:
        try:
            answer = client.apply(asked, dry_run=True)
        except ApplyConflict as exc:
            conflicts = [conflict for conflict in exc.conflicts if not gives_way(conflict)]
            answer = client.apply(asked, dry_run=True, force=True)
    except Rejected as exc:
        if _NO_DRY_RUN in exc.message:
            return ObjectPreview(Outcome.UNKNOWN, live=live)
        raise
    if answer.created:
        return ObjectPreview(Outcome.CREATE, warnings=answer.warnings)
    if live is None:
        return ObjectPreview(Outcome.UNKNOWN, warnings=answer.warnings)  # it is there, and not ours to read
    changes = compare(live, answer.object)
    foreign = foreign_fields(live, ownership.applied_by(answer.object, FIELD_MANAGER))
    outcome = Outcome.CHANGE if changes else Outcome.KEEP
    return ObjectPreview(outcome, changes, conflicts, foreign, live, answer.warnings)


def _live(client: KubernetesClient, manifest: Object) -> Object | None:
    metadata = manifest["metadata"]
    try:
        return client.get(manifest["kind"], metadata["name"], metadata.get("namespace"))
    except (Missing, Unauthorized):
        return None


def _keeping_replicas(manifest: Object, live: Object | None) -> Object:
    """Return what will be sent: where the set stops to name a number of pods, the number stays (`keep_replicas`)."""
    if manifest["kind"] != "Deployment" or live is None or "replicas" in manifest["spec"]:
        return manifest
    if not ownership.owns(ownership.applied_by(live, FIELD_MANAGER), "spec", "replicas"):
        return manifest
    return {**manifest, "spec": {**manifest["spec"], "replicas": live["spec"]["replicas"]}}
