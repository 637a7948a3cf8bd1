"""Builds that pushes start: of several that come at once the newest wins, in whatever order they are told of.

    push.received -> may it be built? -> what is the branch's head now? -> under the application's lock:
        another push came since: it decides | built already: nothing new | a build; those of other pushes are superseded
GitLab says what is newest, for deliveries overtake each other. It is asked before the lock, so its answer may be old when the
lock is won; then another push was received since, and its own event asks again.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import QuerySet

from apps.applications.models import Application
from apps.audit import services as audit
from apps.core.actors import Actor, system_actor
from apps.core.errors import Blocked, InvalidInput
from apps.core.models import Event
from apps.dockerfiles.models import DockerfileRevision
from apps.repositories import selectors as repositories
from apps.repositories.models import Push
from apps.repositories.selectors import ResolvedRef
from apps.repositories.services import BRANCH_PREFIX

from . import services
from .models import Build, Status


def build_pushed(event_id: int) -> None:
    """Build what was pushed where the application wants that; a newer push stops an older build of the same branch.

    Raises:
        IntegrationError: GitLab cannot be asked; calling again is safe.
    """
    event = Event.objects.filter(pk=event_id).first()
    push = Push.objects.select_related("application__project").filter(pk=event.object_id).first() if event else None
    if push is None or not _is_wanted(push):
        return
    application = push.application
    known = _pushes_of_branch(push).latest("pk").pk
    try:
        revision = services.buildable_revision(application)
        newest = _find_newest(push)
    except (Blocked, InvalidInput) as exc:
        audit.record(
            actor=_actor(push),
            action="build.not_started",
            subject=application,
            project=application.project,
            code=exc.code,
        )
        return
    if newest is not None:
        _build_once(*newest, known=known, revision=revision)


def _is_wanted(push: Push) -> bool:
    application = push.application
    wants = application.build_on_push and application.archived_at is None
    return wants and push.ref == BRANCH_PREFIX + application.branch  # it may have another branch since


def _actor(push: Push) -> Actor:
    return system_actor(f"push by {push.pushed_by}" if push.pushed_by else "push")


def _pushes_of_branch(push: Push) -> QuerySet[Push]:
    return Push.objects.filter(application=push.application, ref=push.ref)


def _find_newest(push: Push) -> tuple[Push, ResolvedRef] | None:
    """Return the push that is to be built, and its commit; None where that is left to the event of another one.

    As a build of the branch where the commit is the head of it: environments may take certain branches only.
    """
    application = push.application
    head = repositories.resolve_ref(application, application.branch)
    if head.sha == push.sha:
        return push, head
    pushes = _pushes_of_branch(push)
    told_before = pushes.filter(sha=head.sha).order_by("pk").last()
    if told_before is not None:
        return told_before, head
    if pushes.filter(pk__gt=push.pk).exists():
        return None
    return push, repositories.resolve_ref(application, push.sha)  # the head's own push is still on its way to us


@transaction.atomic
def _build_once(push: Push, commit: ResolvedRef, *, known: int, revision: DockerfileRevision) -> None:
    # Pushes of an application are decided one after another; whoever only refers to it is not kept waiting.
    application = Application.objects.select_for_update(no_key=True).get(pk=push.application_id)
    if _pushes_of_branch(push).filter(pk__gt=known).exists() or Build.objects.filter(push=push).exists():
        return
    build, actor = _find_build_of(application, commit.sha), _actor(push)
    if build is None:
        build = services.create_build(
            application=application, actor=actor, commit=commit, dockerfile=revision, push=push
        )
        audit.record(
            actor=actor,
            action="build.request",
            subject=build,
            project=application.project,
            ref=commit.ref,
            sha=commit.sha,
        )
    _supersede_others(build, push)


def _find_build_of(application: Application, sha: str) -> Build | None:
    """Return a build of that commit that a push started and that has succeeded, or still may."""
    hopeful = Build.active_statuses() | {Status.SUCCEEDED}
    builds = Build.objects.filter(application=application, trigger=Build.Trigger.PUSH, commit_sha=sha)
    return builds.filter(status__in=hopeful, cancel_requested_at=None).order_by("-id").first()


def _supersede_others(build: Build, push: Push) -> None:
    """Stop the builds of other pushes of the branch; each says which build is made instead."""
    others = Build.objects.filter(
        application=build.application, push__ref=push.ref, status__in=Build.active_statuses()
    ).exclude(pk=build.pk)
    params = {"branch": build.application.branch, "by": build.number}
    for other in others:
        if other.request_cancel():
            Build.objects.filter(pk=other.pk).update(cause_code="build.superseded", cause_params=params)
