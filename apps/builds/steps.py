"""The steps of a build: one function a status, each with a few quick calls to Jenkins or Harbor, none that waits.

    pending -> the job is what it should be; look for a run with our id; only if there is none, trigger
    queued  -> the run's number | forgotten: look for the run by our id; proven never started: trigger once more
    running -> stages and log as they grow; ended: verifying | failed (the stage and why) | canceled
    verifying -> the report against its schema, the digest in Harbor, the scan gate -> succeeded | failed
Webhooks only wake these steps; what counts is what Jenkins and Harbor say when they are asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from apps.connections import selectors as connections
from apps.core.lifecycle import Again, Step
from apps.integrations import providers
from apps.integrations.errors import Missing, OutcomeUnknown
from apps.integrations.jenkins.client import JenkinsClient
from apps.integrations.jenkins.entities import BuildRun, Result
from apps.registry import selectors as registry
from apps.registry import services as registry_services
from apps.repositories import selectors as repositories

from . import job, report
from .models import Build, BuildStage, Finding, LogChunk, Status

POLL_SECONDS = 1.0
QUEUE_POLL_SECONDS = 1.0
SETTLE = timedelta(seconds=10)  # how long after a trigger without an answer a run may take to show up in Jenkins
STOPPING = timedelta(minutes=1)  # how long a run past its deadline may take to stop
MOST_TRIGGERS = 3
LOG_LIMIT = 8 * 1024 * 1024
STAGE_STATUSES = {
    "IN_PROGRESS": "running",
    "SUCCESS": "succeeded",
    "UNSTABLE": "succeeded",
    "FAILED": "failed",
    "ABORTED": "canceled",
    "NOT_EXECUTED": "not_reached",
    "PAUSED_PENDING_INPUT": "running",
}


def in_time(step: Step) -> Step:
    """Wrap a step so that a build past its deadline is stopped and ends as errored.

    A step that went well also takes back what an earlier try had to complain of.
    """

    @wraps(step)
    def run(build: Build) -> Again | None:
        if build.deadline_at is None or timezone.now() < build.deadline_at:
            again = step(build)
            if build.error_code:
                build.record(error_code="", error_params={}, attempts=0)
            return again
        return _stop_overdue(build, build.deadline_at)

    return run


@in_time
def start(build: Build) -> Again | None:
    """Bring the job up to date and trigger it once, whatever killed an earlier try."""
    client = _jenkins(build)
    if build.triggered_at is not None:
        known = _find(client, build)
        if known is not None:
            return known
        if timezone.now() - build.triggered_at < SETTLE:
            return Again(1.0)
    if build.cancel_requested_at is not None:
        return _canceled(build)
    if build.triggers >= MOST_TRIGGERS:
        build.transition(Status.ERRORED, cause_code="build.lost", cause_params={"count": build.triggers})
        return None
    application = build.application
    root = str(application.jenkins.options.get("folder", ""))
    name = job.job_name(root, application.project.slug, application.slug)
    client.ensure_folder(name.rpartition("/")[0])
    client.ensure_job(name, job.job_xml())
    parameters = _parameters(build)
    # The intent is written first: a kill after the trigger finds it and looks before triggering again.
    build.record(job=name, triggered_at=timezone.now(), triggers=build.triggers + 1)
    try:
        item = client.trigger(name, parameters)
    except OutcomeUnknown:
        # It may have waited long for the answer: what Jenkins took in shows up from now on.
        build.record(triggered_at=timezone.now())
        return Again(1.0)
    build.transition(Status.QUEUED, queue_item_id=item)
    return Again(0.3)


@in_time
def wait_in_queue(build: Build) -> Again | None:
    """Learn the run's number."""
    client = _jenkins(build)
    assert build.queue_item_id is not None
    if build.cancel_requested_at is not None:
        client.cancel_queued(build.queue_item_id)
    try:
        item = client.get_queue_item(build.queue_item_id)
    except Missing:
        return _after_lost_item(client, build)
    if item.number is not None:
        try:
            return _begin_run(build, client.get_build(build.job, item.number))
        except Missing:
            return _deleted(build, item.number)
    if item.canceled:
        return _canceled(build)
    return Again(QUEUE_POLL_SECONDS)


@in_time
def follow(build: Build) -> Again | None:
    """Take over what the run has written and done; decide when it has ended."""
    client = _jenkins(build)
    assert build.build_number is not None
    try:
        if build.cancel_requested_at is not None:
            client.stop_build(build.job, build.build_number)
        run = client.get_build(build.job, build.build_number)
        more = _take_log(client, build)
        _take_stages(client, build)
    except Missing:
        return _deleted(build, build.build_number)
    if run.building or more:
        return Again(0.1 if more else POLL_SECONDS)
    if run.result == Result.SUCCESS:
        build.transition(Status.VERIFYING, result=run.result)
        return Again(0)
    if run.result == Result.ABORTED:
        return _canceled(build, result=run.result)
    return _fail(client, build, run)


@in_time
def verify(build: Build) -> Again | None:
    """Believe nothing: the report must fit its schema and the request, the registry must have the digest."""
    client, application = _jenkins(build), build.application
    assert build.build_number is not None
    try:
        content = client.read_artifact(build.job, build.build_number, job.REPORT_FILE)
    except Missing:
        build.transition(Status.ERRORED, cause_code="build.no_report")
        return None
    found = report.parse(content, build_id=str(build.uid))
    image = found["image"]
    if image is None or (found["commit"] or {}).get("id") != build.commit_sha:
        raise report.ReportError("build.wrong_report")
    digest = str(image["digest"])
    harbor = providers.harbor(connections.client_connection(application.harbor))
    artifact = harbor.find_artifact(application.project.slug, application.slug, digest)
    if artifact is None:
        build.transition(Status.ERRORED, cause_code="build.image_missing", cause_params={"digest": digest})
        return None
    _store_report(build, found)
    refused = report.gate_problems(found, application.scan_gate)
    facts = {"image_digest": digest, "image_tag": image["tag"], "image_size": artifact.size, "report": found}
    if refused:
        params = {"count": refused, "severity": application.scan_gate}
        build.transition(Status.FAILED, failed_stage="scan", cause_code="build.scan_gate", cause_params=params, **facts)
        return None
    with transaction.atomic():
        registry_services.record_artifact(
            application=application,
            digest=digest,
            tags=[image["tag"]],
            size=artifact.size,
            build_number=build.number,
        )
        build.transition(Status.SUCCEEDED, **facts)
    return None


STEPS: Mapping[str, Step] = {
    Status.PENDING: start,
    Status.QUEUED: wait_in_queue,
    Status.RUNNING: follow,
    Status.VERIFYING: verify,
}


def _jenkins(build: Build) -> JenkinsClient:
    return providers.jenkins(connections.client_connection(build.application.jenkins))


def _parameters(build: Build) -> dict[str, str]:
    application = build.application
    callback = settings.BASE_URL + reverse("hook-jenkins", kwargs={"uid": build.uid})
    return {
        "SLIPWAY_BUILD_ID": str(build.uid),
        "SLIPWAY_CALLBACK_URL": callback,
        "GIT_URL": repositories.clone_url(application),
        "GIT_BRANCH": build.ref if build.ref_kind == "branch" else application.branch,
        "GIT_COMMIT": build.commit_sha,
        "IMAGE_REPOSITORY": f"{registry.registry_host(application.harbor)}/{application.image_repository}",
        "IMAGE_TAG": image_tag(build),
        "DOCKERFILE": build.dockerfile.content,
        "BUILD_ARGS": "{}",
        "SCAN": "true",
        "NO_CACHE": "true" if build.no_cache else "false",
    }


def image_tag(build: Build) -> str:
    """Return the tag an image is pushed under: readable, and unique within the application."""
    return f"{build.commit_sha[:12]}-{build.number}"


def _stop_overdue(build: Build, deadline: datetime) -> Again | None:
    """Stop a build that took too long, and end it once its run has ended, or would not end for a while."""
    client = _jenkins(build)
    if build.build_number is not None:
        client.stop_build(build.job, build.build_number)
        with suppress(Missing):
            if client.get_build(build.job, build.build_number).building and timezone.now() < deadline + STOPPING:
                return Again(2.0)
    elif build.queue_item_id is not None:
        client.cancel_queued(build.queue_item_id)
    minutes = round((deadline - build.created_at).total_seconds() / 60)
    build.transition(Status.ERRORED, cause_code="build.timed_out", cause_params={"minutes": minutes})
    return None


def _find(client: JenkinsClient, build: Build) -> Again | None:
    """Look for a run or queue item with our id, and move on with it; None where Jenkins has neither."""
    parameter, value = "SLIPWAY_BUILD_ID", str(build.uid)
    run = client.find_build(build.job, parameter, value)
    if run is not None:
        return _begin_run(build, run)
    item = client.find_queued(build.job, parameter, value)
    if item is not None:
        build.transition(Status.QUEUED, queue_item_id=item.id)
        return Again(QUEUE_POLL_SECONDS)
    return None


def _begin_run(build: Build, run: BuildRun) -> Again:
    build.transition(
        Status.RUNNING,
        build_number=run.number,
        started_at=run.started_at,
        queue_item_id=build.queue_item_id or run.queue_id,
    )
    return Again(0.2)


def _after_lost_item(client: JenkinsClient, build: Build) -> Again | None:
    """Jenkins forgot the queue item: after some minutes it does, and after a restart it may have lost it."""
    run = client.find_build(build.job, "SLIPWAY_BUILD_ID", str(build.uid))
    if run is not None:
        return _begin_run(build, run)
    if build.cancel_requested_at is not None:
        return _canceled(build)
    if build.triggered_at is not None and timezone.now() - build.triggered_at < SETTLE:
        return Again(1.0)
    if build.triggers >= MOST_TRIGGERS:
        build.transition(Status.ERRORED, cause_code="build.lost", cause_params={"count": build.triggers})
        return None
    # Neither queued nor built: it never started, so it is safe to ask again.
    build.transition(Status.PENDING, triggered_at=None, queue_item_id=None)
    return Again(0)


def _canceled(build: Build, **fields: Any) -> Again | None:
    """End as canceled. A request of ours may name its cause already (a newer push); else somebody stopped it in Jenkins."""
    if build.cancel_requested_at is None:
        fields["cause_code"] = "build.aborted"
    build.transition(Status.CANCELED, **fields)
    return None


def _deleted(build: Build, number: int) -> Again | None:
    params = {"number": number, "job": build.job}
    build.transition(Status.ERRORED, cause_code="build.deleted", cause_params=params)
    return None


def _take_log(client: JenkinsClient, build: Build) -> bool:
    """Append what the console log has grown by, and return whether there is more at once."""
    assert build.build_number is not None
    chunk = client.read_log(build.job, build.build_number, build.log_offset)
    if chunk.next_offset <= build.log_offset:
        return False
    text = chunk.text.replace("\x00", "")
    for redact in _redactors(build):
        text = redact(text)
    with transaction.atomic():
        kept = text[: max(LOG_LIMIT - build.log_offset, 0)]
        if kept:
            LogChunk.objects.get_or_create(build=build, offset=build.log_offset, defaults={"text": kept})
        build.record(log_offset=chunk.next_offset, log_lines=build.log_lines + text.count("\n"))
    return len(chunk.text) > 256 * 1024


def _redactors(build: Build) -> list[Callable[[str], str]]:
    """Return what keeps our own credentials out of a log, should a tool print one that Jenkins does not mask."""
    application = build.application
    return [
        connections.client_connection(connection).redactor
        for connection in (application.gitlab, application.harbor, application.jenkins)
    ]


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
                detail=stage.error[:500],
            )
        )
    _upsert_stages(rows)


def _upsert_stages(rows: list[BuildStage]) -> None:
    BuildStage.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["build", "name"],
        update_fields=["position", "title", "status", "started_at", "seconds", "detail"],
    )


def _store_report(build: Build, found: dict[str, Any]) -> None:
    """Store the stages and findings of a report; storing it again changes nothing."""
    _upsert_stages(
        [
            BuildStage(
                build=build,
                position=position,
                name=stage["name"],
                title=stage["title"],
                status=stage["status"],
                started_at=_time(stage["started_at"]),
                seconds=stage["seconds"],
                detail=stage["detail"][:500],
            )
            for position, stage in enumerate(found["stages"])
        ]
    )
    with transaction.atomic():
        Finding.objects.filter(build=build).delete()
        Finding.objects.bulk_create(
            Finding(
                build=build,
                tool=finding["tool"][:40],
                rule=finding["rule"][:100],
                severity=finding["severity"],
                file=finding["file"][:400],
                line=finding["line"],
                message=finding["message"][:1000],
            )
            for finding in found["scan"]["findings"]
        )


def _fail(client: JenkinsClient, build: Build, run: BuildRun) -> Again | None:
    """End as failed, with the stage that failed and what it said, where a report or Jenkins tells."""
    result = str(run.result or "FAILURE")
    found: dict[str, Any] | None = None
    try:
        content = client.read_artifact(build.job, run.number, job.REPORT_FILE)
        found = report.parse(content, build_id=str(build.uid))
    except (Missing, report.ReportError):
        found = None  # a build that failed early has none; its stages and log tell
    stage: Mapping[str, Any] | None = None
    if found is not None:
        _store_report(build, found)
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


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
