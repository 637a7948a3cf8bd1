"""What taking an order back means: for every target that the order changed, the version that ran there before.

A deployment asks for stored bytes, so what ran before is the newest deployment that succeeded there before the order's
first one. Where nothing ran before, or somebody brought the earlier bytes back already, the target stays as it is; where
something else went there since, the order is not taken back at all: that would take the newer version away.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from django.db.models import Q, QuerySet

from apps.deployments import selectors as deployments
from apps.deployments.models import ACTIVE, Deployment
from apps.deployments.models import Status as DeploymentStatus

from . import gates, selectors
from .gates import Gate, Level
from .models import PlannedTarget, ReleaseItem, ReleaseOrder, Status

# Statuses in which an order may have changed something.
BEGUN = (Status.EXECUTING, Status.PAUSED, Status.SUCCEEDED, Status.FAILED, Status.CANCELED)
# What has changed something at its cluster, or is about to.
_SENT = Q(first_accepted_at__isnull=False) | Q(status__in=(*ACTIVE, DeploymentStatus.SUCCEEDED))


@dataclass
class WayBack:
    """The plan of a rollback, not saved: its items with their targets, what its gates say, and what is only stopped."""

    items: list[ReleaseItem] = field(default_factory=list)
    planned: list[PlannedTarget] = field(default_factory=list)
    gates: list[Gate] = field(default_factory=list)
    left: list[Deployment] = field(default_factory=list)  # still going on, with nothing to go back to

    def same_as(self, other: WayBack) -> bool:
        """Return whether both bring the same versions back."""
        return self._restored() == other._restored()

    def _restored(self) -> set[tuple[int, int | None]]:
        return {(row.target_id, row.restores_id) for row in self.planned}


def find_way_back(order: ReleaseOrder) -> WayBack:
    """Return how to take an order back as things are now, in reverse order of its waves. Asks nobody but the database."""
    way = WayBack()
    items: dict[int, ReleaseItem] = {}
    for row in selectors.planned_targets(order):
        versions = _versions(row)
        first = versions.filter(release_item_id=row.item_id).order_by("number").first()
        if first is None:
            continue  # the order never came here
        past = versions.filter(status=DeploymentStatus.SUCCEEDED, number__lt=first.number).first()
        if past is not None and not past.brings_version:
            past = None  # it had been taken off
        latest = versions.filter(_SENT).first() or first
        gate = _look(order, row, past, latest)
        if gate is not None:
            way.gates.append(gate)
            if past is None and not latest.is_final and latest.release_item_id == row.item_id:
                way.left.append(latest)
            continue
        assert past is not None
        stored = deployments.final_stage(past).manifest_set
        item = items.setdefault(
            row.item_id,
            ReleaseItem(
                application=row.item.application, build=past.build, revision=stored.revision, wave=-row.item.wave
            ),
        )
        way.planned.append(
            PlannedTarget(item=item, target=row.target, manifest_set=stored, replaces=latest, restores=past)
        )
    way.items = list(items.values())
    waves = sorted({item.wave for item in way.items})
    for item in way.items:
        item.wave = waves.index(item.wave)
    way.items.sort(key=lambda item: item.wave)
    way.planned.sort(key=lambda planned: planned.item.wave)
    return way


def _versions(row: PlannedTarget) -> QuerySet[Deployment]:
    """Return what decided which version runs at a target, newest first: no restarts, no scaling."""
    versions = deployments.list_versions(row.item.application, target=row.target)
    return versions.prefetch_related("stages__manifest_set__revision")


def _look(order: ReleaseOrder, row: PlannedTarget, past: Deployment | None, latest: Deployment) -> Gate | None:
    """Return why a target is left alone or stops the rollback; None where it is brought back."""
    place = {"target": str(row.target), "application": row.item.application.name}
    if latest.release_item_id != row.item_id:
        brought = deployments.final_stage(latest).manifest_set_id if latest.brings_version else None
        if past is not None and brought == deployments.final_stage(past).manifest_set_id:
            if latest.status == DeploymentStatus.SUCCEEDED or not latest.is_final:
                return Gate("gate.back_already", Level.OK, {**place, "number": latest.number}, str(row.target))
        elif brought != row.manifest_set_id:
            params = {**place, "number": latest.number, "release": order.number}
            return Gate("gate.overtaken", Level.STOP, params, str(row.target))
    if past is None:
        return Gate("gate.nothing_before", Level.WARN, place, str(row.target))
    return None


def evaluate(way: WayBack) -> list[Gate]:
    """Return all gates of a way back. Calls the registry."""
    return [*way.gates, *gates.going_back(way.planned)]


def overtaking(way: WayBack) -> Iterator[Gate]:
    """Return the gates of newer versions that a rollback would take away."""
    return (gate for gate in way.gates if gate.level == Level.STOP)
