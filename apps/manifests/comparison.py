"""Two revisions side by side: their form data, or the objects that one target gets from each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from apps.applications.models import Application, Target

from .assembly import assemble
from .canonical import to_yaml
from .diff import FieldChange, Kind, diff_sets
from .models import DeployYmlRevision
from .sidebyside import Row, side_by_side


@dataclass(frozen=True, slots=True)
class Compared:
    """One thing that differs, with its rows for reading side by side."""

    title: str
    kind: Kind
    fields: Sequence[FieldChange]
    rows: Sequence[Row]


def compare(
    application: Application, old: DeployYmlRevision | None, new: DeployYmlRevision, target: Target | None
) -> list[Compared]:
    """Return what differs from `old` to `new`; without a target, in the form data itself."""
    if target is None:
        return _compare_documents(old, new)

    def objects(revision: DeployYmlRevision | None) -> Sequence[dict[str, Any]]:
        if revision is None:
            return ()
        made = assemble(application=application, target=target, base=revision.base, overrides=revision.overrides)
        return made.objects

    return [
        Compared(
            f"{change.object_kind} {change.name}",
            change.kind,
            change.fields,
            side_by_side(change.old_yaml, change.new_yaml),
        )
        for change in diff_sets(objects(old), objects(new))
    ]


def _compare_documents(old: DeployYmlRevision | None, new: DeployYmlRevision) -> list[Compared]:
    before, after = _documents(old), _documents(new)
    changed = [name for name in dict.fromkeys([*after, *before]) if before.get(name) != after.get(name)]
    kinds = dict.fromkeys(changed, Kind.CHANGED)
    kinds |= {name: Kind.ADDED for name in changed if name not in before}
    kinds |= {name: Kind.REMOVED for name in changed if name not in after}

    def text(documents: dict[str, Any], name: str) -> str:
        return to_yaml(documents[name]) if name in documents else ""

    return [Compared(name, kinds[name], (), side_by_side(text(before, name), text(after, name))) for name in changed]


def _documents(revision: DeployYmlRevision | None) -> dict[str, Any]:
    if revision is None:
        return {}
    documents = {"base": revision.base}
    for group in revision.overrides.values():
        documents.update(group)
    return documents
