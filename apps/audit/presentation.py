"""The details of an audit entry as people read them: names in words, values as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

NAMES = {
    "administrator": gettext_lazy("Administrator"),
    "approvals_needed": gettext_lazy("Approvals needed"),
    "before": gettext_lazy("Before"),
    "branch": gettext_lazy("Branch"),
    "build": gettext_lazy("Build"),
    "builds": gettext_lazy("Builds"),
    "by_release": gettext_lazy("By release"),
    "changed": gettext_lazy("Plan changed"),
    "cluster": gettext_lazy("Cluster"),
    "environment": gettext_lazy("Environment"),
    "kind": gettext_lazy("Kind"),
    "language": gettext_lazy("Language"),
    "name": gettext_lazy("Name"),
    "namespace": gettext_lazy("Namespace"),
    "note": gettext_lazy("Note"),
    "plan_hash": gettext_lazy("Plan"),
    "reason": gettext_lazy("Reason"),
    "ref": gettext_lazy("Branch, tag or commit"),
    "role": gettext_lazy("Role"),
    "rollback_of": gettext_lazy("Back to deployment"),
    "scope": gettext_lazy("Where"),
    "scopes": gettext_lazy("Scopes"),
    "server": gettext_lazy("API server"),
    "sha": gettext_lazy("Commit"),
    "sha256": gettext_lazy("Bytes"),
    "stage": gettext_lazy("Stage"),
    "target": gettext_lazy("Target"),
    "targets": gettext_lazy("Targets"),
    "url": gettext_lazy("Address"),
    "verdict": gettext_lazy("Verdict"),
    "version": gettext_lazy("Version"),
}
NOTHING = "\N{EN DASH}"
_HEXADECIMAL = frozenset("0123456789abcdef")
_SHORTEST_HASH = 40


@dataclass(frozen=True)
class Detail:
    """One name and value. A hash is shown shortened and copied whole."""

    name: str
    value: str

    @property
    def is_hash(self) -> bool:
        """Return whether the value is a commit or a digest."""
        digits = self.value.removeprefix("sha256:")
        return len(digits) >= _SHORTEST_HASH and _HEXADECIMAL.issuperset(digits)


def details(found: Mapping[str, Any]) -> list[Detail]:
    """Return the details of an entry in words; what says nothing is left out."""
    return [Detail(_name(key), text) for key, text in _texts(found) if text]


def _texts(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in found.items():
        if key == "changes" and isinstance(value, Mapping):
            for field, (before, after) in value.items():
                yield field, f"{_text(before) or NOTHING} → {_text(after) or NOTHING}"
        else:
            yield key, _text(value)


def _name(key: str) -> str:
    return str(NAMES.get(key, key.replace("_", " ").capitalize()))


def _text(value: Any) -> str:
    if value is None or value == "" or value == [] or value == {}:
        return ""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {text}" for key, part in value.items() if (text := _text(part)))
    if isinstance(value, list):
        return ", ".join(filter(None, map(_text, value)))
    return str(value)
