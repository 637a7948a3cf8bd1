"""Search from anywhere: applications, commits, digests, builds, deployments, release orders and people one may see."""

from __future__ import annotations

import re
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from apps.accounts.models import User
from apps.applications.access import visible_projects
from apps.builds.models import Build
from apps.core.actors import Actor
from apps.deployments.models import Deployment
from apps.releases.models import ReleaseOrder

from . import selectors
from .tones import look_of

MOST = 6
_HEX = re.compile(r"(?:sha256:)?([0-9a-f]{4,64})\Z")
_NUMBER = re.compile(r"#?([0-9]{1,9})\Z")

Result = dict[str, Any]


def search(actor: Actor, text: str) -> list[dict[str, Any]]:
    """Return groups of results for the palette; nothing for an empty text."""
    text = text.strip()[:100]
    if not text:
        return []
    groups = [
        (_("Applications"), _applications(actor, text)),
        (_("Builds"), _builds(actor, text)),
        (_("Deployments"), _deployments(actor, text)),
        (_("Releases"), _releases(actor, text)),
        (_("People"), _people(actor, text)),
    ]
    return [{"label": label, "results": results} for label, results in groups if results]


def _status(row: Any) -> dict[str, str]:
    return {"label": str(row.get_status_display()), "tone": look_of(row.status).tone}


def _applications(actor: Actor, text: str) -> list[Result]:
    return [
        {
            "title": row.name,
            "subtitle": row.project.name,
            "url": row.get_absolute_url(),
            "icon": "box",
        }
        for row in selectors.list_applications(actor, search=text)[:MOST]
    ]


def _builds(actor: Actor, text: str) -> list[Result]:
    match = Q(commit_title__icontains=text) | Q(ref=text)
    if hexadecimal := _HEX.match(text.lower()):
        digits = hexadecimal[1]
        match |= Q(commit_sha__startswith=digits) | Q(image_digest__startswith=f"sha256:{digits}")
    if number := _NUMBER.match(text):
        match |= Q(number=int(number[1]))
    builds = Build.objects.filter(match, application__project__in=visible_projects(actor))
    return [
        {
            "title": f"#{row.number} {row.commit_title}",
            "subtitle": f"{row.application.name} · {row.short_sha}",
            "url": row.get_absolute_url(),
            "icon": "hammer",
            "status": _status(row),
        }
        for row in builds.select_related("application__project").defer("report").order_by("-id")[:MOST]
    ]


def _deployments(actor: Actor, text: str) -> list[Result]:
    number = _NUMBER.match(text)
    hexadecimal = _HEX.match(text.lower())
    if not number and not hexadecimal:
        return []
    match = Q(number=int(number[1])) if number else Q()
    if hexadecimal:
        match |= Q(stages__manifest_set__sha256__startswith=hexadecimal[1])
        match |= Q(stages__manifest_set__image_digest__startswith=f"sha256:{hexadecimal[1]}")
    rows = Deployment.objects.filter(match, application__project__in=visible_projects(actor))
    return [
        {
            "title": f"#{row.number} {row.target}",
            "subtitle": row.application.name,
            "url": row.get_absolute_url(),
            "icon": "ship",
            "status": _status(row),
        }
        for row in rows.select_related("application__project", "target__environment").order_by("-id").distinct()[:MOST]
    ]


def _releases(actor: Actor, text: str) -> list[Result]:
    match = Q(note__icontains=text)
    if number := _NUMBER.match(text):
        match |= Q(number=int(number[1]))
    if hexadecimal := _HEX.match(text.lower()):
        match |= Q(plan_hash__startswith=hexadecimal[1])
    rows = ReleaseOrder.objects.filter(match, application__project__in=visible_projects(actor))
    return [
        {
            "title": f"#{row.number} {row.note}".strip(),
            "subtitle": f"{row.application.name} · {row.environment.name}",
            "url": row.get_absolute_url(),
            "icon": "rocket",
            "status": _status(row),
        }
        for row in rows.select_related("application__project", "environment").order_by("-id")[:MOST]
    ]


def _people(actor: Actor, text: str) -> list[Result]:
    """Find people of the projects one sees; somebody from elsewhere is not told of."""
    people = User.objects.filter(Q(username__icontains=text) | Q(display_name__icontains=text), is_active=True)
    if not actor.is_administrator:
        people = people.filter(Q(memberships__project__in=visible_projects(actor)) | Q(pk=actor.user_id)).distinct()
    visible = set(visible_projects(actor).values_list("pk", flat=True))
    found: list[Result] = []
    for person in people.prefetch_related("memberships__project").order_by("username")[:MOST]:
        shared = [membership.project for membership in person.memberships.all() if membership.project_id in visible]
        url = f"{shared[0].get_absolute_url()}members/" if shared else "/people/"
        if person.pk == actor.user_id:
            url = "/account/"
        found.append({"title": str(person), "subtitle": person.username, "url": url, "icon": "user"})
    return found
