"""Verbs on test orders: ask a tester about the commit of a build, and give the verdict."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.applications.models import Application, next_number
from apps.audit import services as audit
from apps.builds.models import Build
from apps.builds.models import Status as BuildStatus
from apps.core import events
from apps.core.actors import Actor
from apps.core.errors import Conflict, InvalidInput

from .models import TestOrder

VERDICTS = (TestOrder.Verdict.PASSED, TestOrder.Verdict.FAILED)


def request_test(*, application: Application, build: Build, actor: Actor, note: str = "") -> TestOrder:
    """Ask the project's testers for a verdict on a build's commit.

    Raises:
        InvalidInput: the build did not succeed.
        Conflict: somebody asked about that commit already.
    """
    if build.application_id != application.pk or build.status != BuildStatus.SUCCEEDED:
        raise InvalidInput("release.build_not_succeeded", number=build.number, fields={"build": ["not_succeeded"]})
    try:
        with transaction.atomic():
            test = TestOrder.objects.create(
                application=application,
                number=next_number(application, "test"),
                build=build,
                commit_sha=build.commit_sha,
                note=note,
                created_by_id=actor.user_id,
                created_by_name=actor.name,
            )
            audit.record(
                actor=actor, action="test.request", subject=test, project=application.project, sha=build.commit_sha
            )
            _announce("test.requested", test)
    except IntegrityError as exc:
        raise Conflict("test.asked_already", sha=build.short_sha) from exc
    return test


def give_verdict(*, test: TestOrder, verdict: str, actor: Actor, note: str = "") -> TestOrder:
    """Say whether the commit passed.

    Raises:
        InvalidInput: no such verdict, or a failure without a reason.
        Conflict: somebody gave the verdict already.
    """
    if verdict not in VERDICTS:
        raise InvalidInput("test.no_verdict", fields={"verdict": ["unknown"]})
    if verdict == TestOrder.Verdict.FAILED and not note.strip():
        raise InvalidInput("release.reason_needed", fields={"note": ["required"]})
    with transaction.atomic():
        given = TestOrder.objects.filter(pk=test.pk, verdict=TestOrder.Verdict.WAITING).update(
            verdict=verdict,
            verdict_note=note,
            decided_by_id=actor.user_id,
            decided_by_name=actor.name,
            decided_at=timezone.now(),
        )
        if not given:
            raise Conflict("test.decided_already", number=test.number)
        test.refresh_from_db()
        audit.record(
            actor=actor,
            action="test.verdict",
            subject=test,
            project=test.application.project,
            verdict=verdict,
            sha=test.commit_sha,
            note=note,
        )
        _announce(f"test.{verdict}", test)
    return test


def _announce(name: str, test: TestOrder) -> None:
    application = test.application
    events.emit(
        name,
        test,
        project_id=application.project_id,
        payload={"number": test.number, "sha": test.commit_sha},
        topics=[application.live_topic, f"project:{application.project_id}"],
    )
