"""The Jenkins job of an application: parameters and one library call. Pure."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings

from apps.integrations.jenkins.job_xml import JobDefinition, Parameter, ParameterKind, library_call, render

LIBRARY = "slipway"
ENTRY = "slipwayBuild"
KEPT_RUNS = 50
RESOURCES = Path(settings.BASE_DIR) / "jenkins-library" / "resources"

PARAMETERS = (
    Parameter("SLIPWAY_BUILD_ID", description="Slipway's id of the build"),
    Parameter("SLIPWAY_CALLBACK_URL", description="Where to tell how the build goes"),
    Parameter("GIT_URL"),
    Parameter("GIT_BRANCH"),
    Parameter("GIT_COMMIT"),
    Parameter("IMAGE_REPOSITORY"),
    Parameter("IMAGE_TAG"),
    Parameter("DOCKERFILE", ParameterKind.TEXT),
    Parameter("BUILD_ARGS", ParameterKind.TEXT, default="{}"),
    Parameter("SCAN", ParameterKind.BOOLEAN, default="true"),
    Parameter("NO_CACHE", ParameterKind.BOOLEAN, default="false"),
)


def job_name(root: str, project: str, application: str) -> str:
    """Return the full name of an application's job; `root` is the connection's folder."""
    return "/".join(part for part in (root.strip("/") or "slipway", project, application) if part)


def job_xml() -> str:
    """Return the job's config.xml; the same for every application, so that adding a parameter updates them all."""
    definition = JobDefinition(
        script=library_call(LIBRARY, ENTRY),
        parameters=PARAMETERS,
        description="Made and kept up to date by Slipway; what is changed here by hand is overwritten.",
        keep_builds=KEPT_RUNS,
    )
    return render(definition)


@lru_cache(maxsize=1)
def stage_plan() -> list[dict[str, Any]]:
    """Return the stages of the shared library in their order."""
    stages: list[dict[str, Any]] = json.loads((RESOURCES / "stages.json").read_text())["stages"]
    return stages


@lru_cache(maxsize=1)
def report_schema() -> dict[str, Any]:
    """Return the JSON Schema of the build report."""
    schema: dict[str, Any] = json.loads((RESOURCES / "report.schema.json").read_text())
    return schema


REPORT_FILE = "slipway-report.json"
