"""What pages and the API show of a build: the planned stages with what became of them, and the cause in words."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.utils.translation import gettext_lazy as _

from apps.core import messages

from . import job
from .models import Build

STAGE_WORDS = {
    "pending": _("Not yet"),
    "running": _("Running"),
    "succeeded": _("Succeeded"),
    "failed": _("Failed"),
    "canceled": _("Canceled"),
    "skipped": _("Skipped"),
    "not_reached": _("Not reached"),
}
SEVERITIES = ("high", "medium", "low", "info")


def stages(build: Build) -> list[dict[str, Any]]:
    """Return every stage of the plan in order, with what is known of it; those to come are `pending` or `not_reached`."""
    known = {stage.name: stage for stage in build.stages.all()}
    rows = []
    for planned in job.stage_plan():
        stage = known.get(planned["name"])
        status = stage.status if stage else "not_reached" if build.is_final else "pending"
        if status == "running" and build.is_final:
            status = "canceled"  # Jenkins was never asked again
        rows.append(
            {
                "key": planned["name"],
                "name": planned["title"],
                "status": status,
                "status_label": STAGE_WORDS.get(status, status),
                "started_at": stage.started_at if stage else None,
                "seconds": stage.seconds if stage and status not in ("running", "not_reached") else None,
                "text": stage.detail if stage else "",
                "is_failed": status == "failed" or planned["name"] == build.failed_stage,
            }
        )
    return rows


def cause(build: Build) -> messages.Words | None:
    """Return why it failed or what it waits for; None where there is nothing to explain."""
    code, params = cause_code(build)
    return messages.word(code, params) if code else None


def cause_code(build: Build) -> tuple[str, dict[str, Any]]:
    """Return the code of the cause and its parameters; an empty code where there is none."""
    if build.cause_code:
        return build.cause_code, build.cause_params
    return build.error_code, build.error_params


def severities(build: Build) -> list[tuple[str, int]]:
    """Return how many findings there are of each severity, worst first; those without are left out."""
    counts = Counter(finding.severity for finding in build.findings.all())
    return [(severity, counts[severity]) for severity in SEVERITIES if counts[severity]]


def scanners(build: Build) -> list[dict[str, Any]]:
    """Return which scanners ran, and which did not and why, as the report says."""
    found: list[dict[str, Any]] = (build.report or {}).get("scan", {}).get("scanners", [])
    return found


def was_not_scanned(build: Build) -> bool:
    """Return whether no scanner could look at the commit, so that the scan gate had nothing to judge."""
    found = scanners(build)
    return bool(found) and all(scanner["status"] in ("missing", "failed") for scanner in found)


def seconds(build: Build) -> float | None:
    """Return how long the run took, None before it has ended."""
    if build.finished_at is None:
        return None
    return round((build.finished_at - (build.started_at or build.created_at)).total_seconds(), 1)
