"""What pages and the API show of a release order: gates and timeline in words, the diff of each target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format

from apps.accounts.selectors import display_names
from apps.core import messages
from apps.deployments import selectors as deployments
from apps.manifests import canonical, diff
from apps.manifests import selectors as manifests

from . import plan as plans
from . import selectors, undo
from .models import PlannedTarget, ReleaseEntry, ReleaseItem, ReleaseOrder

_LOOKS = {"ok": ("green", "circle-check"), "warn": ("amber", "triangle-alert"), "stop": ("red", "circle-x")}
_RANK = {"stop": 0, "warn": 1, "ok": 2}
_ENTRY_LOOKS = {
    "info": ("neutral", "circle-dot"),
    "warning": ("amber", "triangle-alert"),
    "error": ("red", "circle-x"),
}
_ENTRY_ICONS = {
    "release.executing": ("blue", "rocket"),
    "release.agreed": ("green", "user-check"),
    "release.approved": ("green", "user-check"),
    "release.succeeded": ("green", "circle-check"),
}


def gate_rows(order: ReleaseOrder) -> list[dict[str, Any]]:
    """Return the gates in words, those that stop first; `text` names the target where a gate speaks of one."""
    return _worded(order.gates)


def passed(gates: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the gates that let through, of those in words."""
    return [gate for gate in gates if gate["level"] == "ok"]


def _worded(gates: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    rows = []
    for gate in gates:
        worded = messages.word(gate["code"], _readable(gate["params"]))
        tone, icon = _LOOKS[gate["level"]]
        words = {"message": worded.message, "hint": worded.hint, "tone": tone, "icon": icon}
        rows.append({"application": "", **gate, **words})
    return sorted(rows, key=lambda row: _RANK[row["level"]])


def _readable(params: dict[str, Any]) -> dict[str, Any]:
    """Return parameters with the stored time of a freeze's end as the reader's clock shows it."""
    if "until" not in params:
        return params
    until = timezone.localtime(datetime.fromisoformat(params["until"]))
    return {**params, "until": date_format(until, "SHORT_DATETIME_FORMAT")}


def entry_message(entry: ReleaseEntry, names: Mapping[str, str] | None = None) -> str:
    """Return a line of the timeline in words; `names` are shown for sign-in names."""
    if entry.code == "release.not_started":
        # The gate that closed is part of the line.
        gate = messages.word(str(entry.params.get("gate")), _readable(entry.params.get("gate_params") or {}))
        return f"{messages.word(entry.code).message} {gate.message}"
    by = entry.params.get("by")
    params = {**entry.params, "by": names[by]} if names and by in names else entry.params
    return messages.word(entry.code, params).message


def timeline(order: ReleaseOrder) -> list[dict[str, Any]]:
    """Return the entries for the timeline component, with people's names as they show them."""
    entries = order.entries.all()
    names = display_names(entry.params["by"] for entry in entries if isinstance(entry.params.get("by"), str))
    rows = []
    for entry in entries:
        tone, icon = _ENTRY_ICONS.get(entry.code) or _ENTRY_LOOKS[entry.level]
        rows.append({"title": entry_message(entry, names), "tone": tone, "icon": icon, "at": entry.at})
    return rows


@dataclass(frozen=True)
class TargetView:
    """One target of the plan: its bytes, and what they change against what was live when the plan was made."""

    plan: PlannedTarget
    changes: list[diff.ObjectChange]

    @property
    def summary(self) -> dict[str, int]:
        """Return how many objects come, change and go."""
        return {kind.value: sum(1 for change in self.changes if change.kind == kind) for kind in diff.Kind}

    @property
    def problem(self) -> messages.Words | None:
        """Return why there are no bytes, why the cluster refuses them, or why no deployment could be asked for."""
        return messages.word(self.plan.problem_code, self.plan.problem_params) if self.plan.problem_code else None

    @property
    def others_hold(self) -> bool:
        """Return whether there is anything to take over: fields with another value, or what hand tools left there."""
        objects = self.plan.preview.get("objects", [])
        left_by_hand = any(field["by_hand"] for item in objects for field in item["foreign"])
        return bool(self.plan.preview.get("conflicts")) or left_by_hand

    @property
    def yaml(self) -> str:
        """Return the planned objects; secrets are references."""
        if self.plan.manifest_set is None:
            return ""
        return canonical.to_yaml_documents(manifests.stored_objects(self.plan.manifest_set))


def target_views(planned: Sequence[PlannedTarget]) -> list[TargetView]:
    """Return the targets of a plan with their diffs, from stored bytes alone."""
    return [TargetView(plan, _changes(plan)) for plan in planned]


def _changes(plan: PlannedTarget) -> list[diff.ObjectChange]:
    if plan.manifest_set is None:
        return []
    before = (
        manifests.stored_objects(deployments.final_stage(plan.replaces).manifest_set)
        if plan.replaces is not None
        else []
    )
    return diff.diff_sets(before, manifests.stored_objects(plan.manifest_set))


@dataclass(frozen=True)
class ItemView:
    """One application of an order with its targets; `heads_wave` where a new wave begins with it."""

    item: ReleaseItem
    targets: list[TargetView]
    heads_wave: bool

    @property
    def wave(self) -> int:
        """Return the number of its wave as people count."""
        return self.item.wave + 1


def item_views(order: ReleaseOrder, planned: Sequence[PlannedTarget]) -> list[ItemView]:
    """Return the items of an order in the order of their waves, each with its part of the plan."""
    views = target_views(planned)
    rows: list[ItemView] = []
    for item in order.items.all():
        heads_wave = not rows or rows[-1].item.wave != item.wave
        rows.append(ItemView(item, [view for view in views if view.plan.item_id == item.pk], heads_wave))
    return rows


def approval_rows(order: ReleaseOrder) -> list[dict[str, Any]]:
    """Return people's words on an order, each with whether it counts as an approval now."""
    counting = set(selectors.agreeing(order).values_list("pk", flat=True))
    return [{"word": word, "counts": word.pk in counting} for word in order.approvals.all()]


@dataclass(frozen=True)
class WayBackView:
    """What taking an order back would change; `blocked` says why it cannot be done at all."""

    targets: list[TargetView]
    gates: list[dict[str, Any]]
    plan_hash: str
    blocked: bool


def way_back(order: ReleaseOrder) -> WayBackView:
    """Return what a rollback of an order would change, from stored bytes. Calls the registry about its images."""
    if order.status not in undo.BEGUN:
        return WayBackView([], [], "", blocked=True)
    way = undo.find_way_back(order)
    rows = _worded([gate.as_dict() for gate in undo.evaluate(way)])
    return WayBackView(
        target_views(way.planned),
        rows,
        plans.hash_of(order, way.planned),
        blocked=not way.planned or any(row["level"] == "stop" for row in rows),
    )


def cause(order: ReleaseOrder) -> messages.Words | None:
    """Return what went wrong with the order itself; deployments tell their own causes."""
    return messages.word(order.error_code, order.error_params) if order.error_code else None
