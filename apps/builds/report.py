"""Read a build's report: checked against the schema of the shared library, then against what was asked for. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonschema

from apps.core.errors import PlatformError

from .job import report_schema

RANK = {"info": 0, "low": 1, "medium": 2, "high": 3}
GATES = {"high": "high", "medium": "medium"}


class ReportError(PlatformError):
    """The report cannot be believed."""


def parse(content: bytes, *, build_id: str) -> dict[str, Any]:
    """Return the report.

    Raises:
        ReportError: it is no JSON, does not follow the schema, or speaks of another build.
    """
    try:
        report: dict[str, Any] = json.loads(content)
        jsonschema.validate(report, report_schema())
    except ValueError as exc:
        raise ReportError("build.bad_report", problem="it is no JSON") from exc
    except jsonschema.ValidationError as exc:
        raise ReportError("build.bad_report", problem=f"{exc.json_path}: {exc.message}"[:300]) from exc
    if report["build_id"] != build_id:
        raise ReportError("build.wrong_report")
    return report


def without_secrets(report: dict[str, Any], redact: Callable[[str], str]) -> dict[str, Any]:
    """Return the report with its words masked: stages say what went wrong, scanners quote the lines they blame."""
    stages = [stage | {"detail": redact(stage["detail"])} for stage in report["stages"]]
    findings = [finding | {"message": redact(finding["message"])} for finding in report["scan"]["findings"]]
    return report | {"stages": stages, "scan": report["scan"] | {"findings": findings}}


def gate_problems(report: dict[str, Any], gate: str) -> int:
    """Return how many findings a scan gate (`off`, `high`, `medium`) does not accept."""
    if gate not in GATES:
        return 0
    least = RANK[GATES[gate]]
    return sum(1 for finding in report["scan"]["findings"] if RANK[finding["severity"]] >= least)


def failed_stage(report: dict[str, Any]) -> dict[str, Any] | None:
    """Return the stage that failed, None where none says so."""
    return next((stage for stage in report["stages"] if stage["status"] == "failed"), None)
