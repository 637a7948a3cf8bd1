"""While Jenkins builds: take over its stages and its log as they grow; decide when the run has ended."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.core.lifecycle import Again
from apps.integrations.errors import Missing
from apps.integrations.jenkins.client import JenkinsClient
from apps.integrations.jenkins.entities import BuildRun, Result

from . import consolelog, endings, job, report, results, runs
from .models import Build, BuildStage, Status

POLL_SECONDS = 1.0
STAGE_STATUSES = {
    "IN_PROGRESS": "running",
    "SUCCESS": "succeeded",
    "UNSTABLE": "succeeded",
    "FAILED": "failed",
    "ABORTED": "canceled",
    "NOT_EXECUTED": "not_reached",
    "PAUSED_PENDING_INPUT": "running",
}


def follow(build: Build) -> Again | None:
    """Take over what the run has written and done; decide when it has ended."""
    client = runs.client_of(build)
    assert build.build_number is not None
    try:
        if build.cancel_requested_at is not None:
            client.stop_build(build.job, build.build_number)
        run = client.get_build(build.job, build.build_number)
        more = consolelog.take(client, build)
        _take_stages(client, build)
    except Missing:
        endings.deleted(build, build.build_number)
        return None
    if run.building or more:
        return Again(0.1 if more else POLL_SECONDS)
    consolelog.flush(build)
    if run.result == Result.SUCCESS:
        build.transition(Status.VERIFYING, result=run.result)
        return Again(0)
    if run.result == Result.ABORTED:
        endings.canceled(build, result=run.result)
        return None
    return _fail(client, build, run)


def _take_stages(client: JenkinsClient, build: Build) -> None:
    assert build.build_number is not None
    told = {stage.name: stage for stage in client.list_stages(build.job, build.build_number)}
    rows = []
    for position, planned in enumerate(job.stage_plan()):
        stage = told.get(planned["title"])
        if stage is None:
            continue
        rows.append(
            BuildStage(
                build=build,
                position=position,
                name=planned["name"],
                title=planned["title"],
                status=STAGE_STATUSES.get(stage.status, "running"),
                started_at=stage.started_at,
                seconds=stage.seconds,
                detail=build.redactor()(stage.error)[:500] if stage.error else "",
            )
        )
    results.store_stages(rows)


def _fail(client: JenkinsClient, build: Build, run: BuildRun) -> Again | None:
    """End as failed, with the stage that failed and what it said, where a report or Jenkins tells."""
    result = str(run.result or "FAILURE")
    found: dict[str, Any] | None = None
    try:
        content = client.read_artifact(build.job, run.number, job.REPORT_FILE)
        found = report.without_secrets(report.parse(content, build_id=str(build.uid)), build.redactor())
    except (Missing, report.ReportError):
        found = None  # a build that failed early has none; its stages and log tell
    stage: Mapping[str, Any] | None = None
    if found is not None:
        results.store_report(build, found)
        stage = report.failed_stage(found)
    if stage is None:
        row = BuildStage.objects.filter(build=build, status="failed").order_by("position").first()
        stage = {"name": row.name, "title": row.title, "detail": row.detail} if row else None
    if stage is None:
        code, params, name = "build.failed", {"result": result}, ""
    else:
        name = str(stage["name"])
        code, params = "build.stage_failed", {"title": stage["title"], "detail": stage["detail"], "stage": name}
    build.transition(
        Status.FAILED, result=result, report=found, failed_stage=name, cause_code=code, cause_params=params
    )
    return None
