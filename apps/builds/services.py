"""Verbs on builds: ask for one, stop one, take a hint of Jenkins in. The steps that carry it out are in `steps.py`."""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from apps.applications.models import Application, next_number
from apps.audit import services as audit
from apps.core import lifecycle
from apps.core.actors import Actor
from apps.core.dispatch import enqueue
from apps.core.errors import Blocked, Conflict, NotFound
from apps.dockerfiles import policy
from apps.dockerfiles import selectors as dockerfiles
from apps.dockerfiles.models import DockerfileRevision
from apps.repositories import selectors as repositories
from apps.repositories.models import Push
from apps.repositories.selectors import ResolvedRef

from .models import Build, Delivery, Status
from .steps import STEPS

LONGEST = timedelta(minutes=120)


def request_build(
    *,
    application: Application,
    actor: Actor,
    ref: str = "",
    dockerfile: DockerfileRevision | None = None,
    no_cache: bool = False,
) -> Build:
    """Ask for a build of what `ref` (a branch, tag or commit; the application's branch when empty) points to now.

    Raises:
        InvalidInput: there is no such ref.
        Blocked: no Dockerfile, or one that breaks the platform's rules.
        IntegrationError: GitLab cannot be asked.
    """
    revision = buildable_revision(application, dockerfile)
    commit = repositories.resolve_ref(application, ref or application.branch)
    with transaction.atomic():
        build = create_build(
            application=application, actor=actor, commit=commit, dockerfile=revision, no_cache=no_cache
        )
        audit.record(
            actor=actor, action="build.request", subject=build, project=application.project, ref=ref, sha=commit.sha
        )
    return build


def create_build(
    *,
    application: Application,
    actor: Actor,
    commit: ResolvedRef,
    dockerfile: DockerfileRevision,
    no_cache: bool = False,
    push: Push | None = None,
) -> Build:
    """Write a build and have its first step run, in the caller's transaction, which audits it."""
    build = Build.objects.create(
        application=application,
        number=next_number(application, "build"),
        trigger=Build.Trigger.PUSH if push else Build.Trigger.PERSON,
        push=push,
        ref=commit.ref,
        ref_kind=commit.kind,
        commit_sha=commit.sha,
        commit_title=commit.title[:500],
        commit_author=commit.author[:200],
        commit_authored_at=commit.authored_at,
        commit_url=commit.url[:500],
        dockerfile=dockerfile,
        no_cache=no_cache,
        created_by_id=actor.user_id,
        created_by_name=actor.name,
        deadline_at=timezone.now() + LONGEST,
    )
    enqueue(Build.ADVANCE, build.pk)
    return build


def buildable_revision(application: Application, dockerfile: DockerfileRevision | None = None) -> DockerfileRevision:
    """Return the Dockerfile revision to build with, the latest where none is given.

    Raises:
        Blocked: there is none, or it breaks the platform's rules.
    """
    revision = dockerfile or dockerfiles.find_latest_revision(application)
    if blockers := build_blockers(application, revision):
        code, params = blockers[0]
        raise Blocked(code, blockers=blockers, **params)
    assert revision is not None
    return revision


def build_blockers(
    application: Application, revision: DockerfileRevision | None
) -> list[tuple[str, dict[str, object]]]:
    """Return what keeps an application from being built with a Dockerfile revision; empty where nothing does."""
    if revision is None:
        return [("build.no_dockerfile", {"application": application.name})]
    if refused := policy.refusals(application, revision.content):
        first = f"line {refused[0].line}: {refused[0].message}"
        return [("build.dockerfile_refused", {"number": revision.number, "first": first})]
    return []


def cancel_build(*, build: Build, actor: Actor) -> None:
    """Ask a running build to stop.

    Raises:
        Conflict: it has ended, or was asked already.
    """
    with transaction.atomic():
        if not build.request_cancel():
            raise Conflict("build.not_running", number=build.number)
        audit.record(actor=actor, action="build.cancel", subject=build, project=build.application.project)


def advance_build(build_id: int) -> None:
    """Run the next step of a build."""
    lifecycle.advance(Build, build_id, STEPS)


def receive_callback(*, uid: str, signature: str, body: bytes, delivery_id: str) -> None:
    """Take a hint of Jenkins in: verify it, keep its id, wake the build.

    Raises:
        NotFound: no such build, or the signature does not fit; which of both is not told.
    """
    build = Build.objects.select_related("application__jenkins").filter(uid=uid).first()
    if build is None:
        raise NotFound("build.foreign_signature")
    expected = "sha256=" + sign(build.application.jenkins.webhook_secret, str(build.uid), body)
    if not build.application.jenkins.webhook_secret or not constant_time_compare(signature, expected):
        raise NotFound("build.foreign_signature")
    _delivery, created = Delivery.objects.get_or_create(build=build, delivery_id=delivery_id[:100])
    if created and build.status in (Status.QUEUED, Status.RUNNING):
        build.wake()


def sign(secret: str, build_id: str, body: bytes) -> str:
    """Return the hex HMAC of a callback's body under the key of one build, derived from the connection's secret."""
    key = hmac.new(secret.encode(), build_id.encode(), hashlib.sha256).digest()
    return hmac.new(key, body, hashlib.sha256).hexdigest()
