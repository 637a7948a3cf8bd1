"""Verbs on push hooks: register one, take a delivery in."""

from __future__ import annotations

import secrets
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from apps.applications.models import Application
from apps.audit import services as audit
from apps.connections import selectors as connections
from apps.core.actors import Actor, system_actor
from apps.core.errors import NotFound
from apps.core.events import emit
from apps.core.models import Event
from apps.integrations import providers

from .models import Push, PushHook

BRANCH_PREFIX = "refs/heads/"
DELETED = "0" * 40


def ensure_push_hook(*, application: Application, actor: Actor) -> PushHook:
    """Make sure that GitLab tells us of pushes; asking again renews the registration.

    Raises:
        IntegrationError: GitLab cannot be asked, or refuses.
    """
    hook, _created = PushHook.objects.get_or_create(
        application=application, defaults={"secret": secrets.token_urlsafe(32)}
    )
    url = settings.BASE_URL + reverse("hook-gitlab", kwargs={"uid": application.uid})
    client = providers.gitlab(connections.client_connection(application.gitlab))
    registered = client.ensure_hook(application.repository_id, url, hook.secret)
    with transaction.atomic():
        PushHook.objects.filter(pk=hook.pk).update(hook_id=registered.id, registered_at=timezone.now())
        audit.record(actor=actor, action="push_hook.register", subject=application, project=application.project)
    hook.refresh_from_db()
    return hook


def register_for_pushes(event_id: int) -> None:
    """Register the push hook of the application an event speaks of, where it wants to be built on pushes.

    Raises:
        IntegrationError: GitLab cannot be asked now; the reaction stays owed and is tried again.
    """
    event = Event.objects.filter(pk=event_id).first()
    application = (
        Application.objects.select_related("project", "gitlab")
        .filter(pk=event.object_id, build_on_push=True, archived_at=None)
        .first()
        if event
        else None
    )
    if application is not None:
        ensure_push_hook(application=application, actor=system_actor("push-hooks"))


def receive_push(*, uid: str, token: str, delivery_id: str, payload: dict[str, Any]) -> Push | None:
    """Take a delivery in as a hint: the push is stored once and announced. Returns None for what does not concern us.

    Raises:
        NotFound: no such application, or the token does not fit; which of both is not told.
    """
    hook = PushHook.objects.select_related("application__project").filter(application__uid=uid).first()
    if hook is None or not constant_time_compare(token, hook.secret):
        raise NotFound("hook.not_ours")
    PushHook.objects.filter(pk=hook.pk).update(last_delivery_at=timezone.now())
    ref, sha = str(payload.get("ref", "")), str(payload.get("after", ""))
    application = hook.application
    if ref != BRANCH_PREFIX + application.branch or not sha or sha == DELETED:
        return None
    try:
        with transaction.atomic():
            push = Push.objects.create(
                application=application,
                delivery_id=delivery_id or secrets.token_hex(16),
                ref=ref,
                sha=sha,
                pushed_by=str(payload.get("user_username") or payload.get("user_name") or "")[:150],
            )
            emit("push.received", push, project_id=application.project_id, payload={"application": application.pk})
    except IntegrityError:
        return None  # the same delivery again
    return push
