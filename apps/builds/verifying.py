"""After Jenkins says success: the report, the digest in the registry and the scan gate decide whether it is one."""

from __future__ import annotations

from django.db import transaction

from apps.connections import selectors as connections
from apps.core.lifecycle import Again
from apps.integrations import providers
from apps.integrations.errors import Missing
from apps.registry import services as registry_services

from . import job, report, results, runs
from .models import Build, Status


def verify(build: Build) -> Again | None:
    """Believe nothing: the report must fit its schema and the request, the registry must have the digest.

    Raises:
        ReportError: the report does not fit.
    """
    client, application = runs.client_of(build), build.application
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
    shown = report.without_secrets(found, build.redactor())
    results.store_report(build, shown)
    refused = report.gate_problems(found, application.scan_gate)
    facts = {"image_digest": digest, "image_tag": image["tag"], "image_size": artifact.size, "report": shown}
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
