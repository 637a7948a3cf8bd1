"""What pages and the API show of a drift: objects, fields, who changed them, and what can be accepted."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from apps.core import messages
from apps.core.messages import Text
from apps.deployments.models import DriftWatch
from apps.manifests import canonical

from . import accepting
from .comparing import ADDED, CHANGED, EXTRA, MISSING, REMOVED

WORDS: dict[str, Text] = {
    CHANGED: _("changed"),
    REMOVED: _("removed"),
    ADDED: _("added"),
    MISSING: _("missing"),
    EXTRA: _("should not be there"),
}
TONES = {CHANGED: "amber", REMOVED: "red", ADDED: "blue", MISSING: "red", EXTRA: "amber"}


def problem(watch: DriftWatch) -> messages.Words | None:
    """Return why there is no newer look, or none at all."""
    return messages.word(watch.error_code, watch.error_params) if watch.error_code else None


def objects(watch: DriftWatch) -> list[dict[str, Any]]:
    """Return what differs, object by object, worded."""
    return [
        {
            "kind": finding["kind"],
            "name": finding["name"],
            "what": finding["what"],
            "words": WORDS[finding["what"]],
            "tone": TONES[finding["what"]],
            "fields": [_field(finding, field) for field in finding["fields"]],
        }
        for finding in watch.findings
    ]


def acceptable(shown: list[dict[str, Any]]) -> int:
    """Return how many fields can be accepted."""
    return sum(1 for item in shown for field in item["fields"] if not field["refusal_code"])


def _field(finding: dict[str, Any], field: dict[str, Any]) -> dict[str, Any]:
    refusal = accepting.why_not(finding["kind"], field["path"], hidden=field["hidden"], live=field["live"])
    return {
        **field,
        "id": f"{finding['kind']}/{finding['name']} {field['path']}",
        "words": WORDS[field["what"]],
        "tone": TONES[field["what"]],
        "wanted_text": _text(field["wanted"]),
        "live_text": _text(field["live"]),
        "at": datetime.fromisoformat(field["at"]) if field["at"] else None,
        "refusal_code": refusal,
        "refusal": messages.word(refusal, {}).message if refusal else "",
    }


def _text(value: Any) -> str:
    if value is None:
        return ""
    return canonical.to_yaml(value).strip() if isinstance(value, dict) else str(value)
