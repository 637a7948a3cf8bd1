"""Pages of builds: the list, what to build, and one build followed live."""

from __future__ import annotations

from typing import Any

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.accounts.roles import Action
from apps.applications.access import can, get_application
from apps.applications.models import Application
from apps.core import messages
from apps.core.errors import Blocked, InvalidInput, NotFound, PlatformError, SlipwayError
from apps.dockerfiles import selectors as dockerfiles
from apps.registry import selectors as registry
from apps.repositories import selectors as repositories

from . import presentation, selectors, services
from .models import Build, Status

PAGE_SIZE = 30
SHOWN_LINES = 3000  # of a log that has ended; all of it can be downloaded
SHOWN_FINDINGS = 200
SHOWN_REFS = 30


@login_required
@require_GET
def builds(request: HttpRequest, project: str, application: str) -> HttpResponse:
    """List an application's builds, filtered and sorted in the database."""
    actor = request.actor  # type: ignore[attr-defined]
    app = get_application(actor, project, application, need=Action.VIEW)
    asked = request.GET
    rows = selectors.list_builds(
        app,
        search=asked.get("q", ""),
        status=asked.get("status", ""),
        ref=asked.get("ref", ""),
        sort=asked.get("sort", "-number"),
    )
    context = {
        "application": app,
        "project": app.project,
        "tab": "builds",
        "page": Paginator(rows, PAGE_SIZE).get_page(asked.get("page")),
        "statuses": Status.choices,
        "filtered": any(asked.get(name) for name in ("q", "status", "ref")),
        "may_build": can(actor, app.project, Action.BUILD),
    }
    fragment_only = request.headers.get("X-Slipway-Fragment") == "1"
    return render(request, "builds/_rows.html" if fragment_only else "builds/list.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, project: str, application: str) -> HttpResponse:
    """Choose a branch, a tag or a commit by message and author (GET), and build it (POST)."""
    actor = request.actor  # type: ignore[attr-defined]
    app = get_application(actor, project, application, need=Action.BUILD)
    if request.method == "GET":
        return _choose(request, app)
    ref = (request.POST.get("typed_ref") or request.POST.get("ref") or "").strip()
    try:
        made = services.request_build(
            application=app, actor=actor, ref=ref[:300], no_cache=request.POST.get("no_cache") == "on"
        )
    except (InvalidInput, Blocked, PlatformError) as refused:
        return _choose(request, app, refused=refused, typed=ref)
    toasts.success(request, _("Build %(number)s is on its way.") % {"number": made.number})
    return redirect(made.get_absolute_url())


def _choose(
    request: HttpRequest, app: Application, *, refused: SlipwayError | None = None, typed: str = ""
) -> HttpResponse:
    """Render what can be built; where GitLab does not answer, say so and keep what was typed."""
    search, branch = request.GET.get("q", "").strip(), request.GET.get("branch") or app.branch
    revision = dockerfiles.find_latest_revision(app)
    blocker = next(iter(services.build_blockers(app, revision)), None)
    context: dict[str, Any] = {
        "application": app,
        "project": app.project,
        "tab": "builds",
        "search": search,
        "branch": branch,
        "revision": revision,
        "typed": typed,
        "blocker": messages.word(*blocker) if blocker else None,
        "refused": messages.word(refused.code, refused.params)
        if refused and not isinstance(refused, Blocked)
        else None,
    }
    try:
        context |= {
            "branches": repositories.list_branches(app, search)[:SHOWN_REFS],
            "tags": repositories.list_tags(app, search)[:SHOWN_REFS],
            "commits": repositories.list_commits(app, branch),
        }
    except (NotFound, PlatformError) as exc:
        context["refused"] = context["refused"] or messages.word(exc.code, exc.params)
    status = 200 if refused is None else 422 if isinstance(refused, InvalidInput) else refused.http_status
    return render(request, "builds/new.html", context, status=status)


def _status_context(request: HttpRequest, build: Build) -> dict[str, Any]:
    """Return what the live part of a build's page shows."""
    app, actor = build.application, request.actor  # type: ignore[attr-defined]
    findings = list(build.findings.all())
    return {
        "application": app,
        "project": app.project,
        "build": build,
        "stages": presentation.stages(build),
        "cause": presentation.cause(build),
        "excerpt": selectors.failing_excerpt(build),
        "findings": sorted(findings, key=lambda one: presentation.SEVERITIES.index(one.severity))[:SHOWN_FINDINGS],
        "findings_count": len(findings),
        "severities": presentation.severities(build),
        "scanners": presentation.scanners(build),
        "was_not_scanned": presentation.was_not_scanned(build),
        "image": registry.image_reference(app, build.image_digest) if build.image_digest else "",
        "may_cancel": can(actor, app.project, Action.CANCEL_BUILD),
        "may_build": can(actor, app.project, Action.BUILD),
    }


@login_required
@require_GET
def build(request: HttpRequest, project: str, application: str, number: int) -> HttpResponse:
    """Show one build: where it is, why it failed, its stages and findings; then its log, live."""
    app = get_application(request.actor, project, application, need=Action.VIEW)  # type: ignore[attr-defined]
    row = selectors.get_build(app, number)
    names = {"project": app.project.slug, "application": app.slug, "number": row.number}
    context = _status_context(request, row) | {"tab": "builds"}
    if row.is_final:
        part = selectors.read_log(row, first=-SHOWN_LINES, limit=SHOWN_LINES)
        context |= {"log_lines": part.lines, "log_first": part.first, "log_cut": part.cut}
    else:
        context["log_stream"] = reverse("stream-build-log", kwargs=names)
    return render(request, "builds/detail.html", context)


@login_required
@require_GET
def fragment(request: HttpRequest, project: str, application: str, number: int) -> HttpResponse:
    """Show the live part of a build's page."""
    app = get_application(request.actor, project, application, need=Action.VIEW)  # type: ignore[attr-defined]
    return render(request, "builds/_status.html", _status_context(request, selectors.get_build(app, number)))


@login_required
@require_GET
def log(request: HttpRequest, project: str, application: str, number: int) -> HttpResponse:
    """Answer the whole log as text."""
    app = get_application(request.actor, project, application, need=Action.VIEW_LOGS)  # type: ignore[attr-defined]
    row = selectors.get_build(app, number)
    response = HttpResponse(selectors.log_text(row), content_type="text/plain; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{app.slug}-build-{row.number}.log"'
    return response


@login_required
@require_POST
def cancel(request: HttpRequest, project: str, application: str, number: int) -> HttpResponse:
    """Ask a running build to stop."""
    actor = request.actor  # type: ignore[attr-defined]
    app = get_application(actor, project, application, need=Action.CANCEL_BUILD)
    row = selectors.get_build(app, number)
    services.cancel_build(build=row, actor=actor)
    toasts.info(request, _("Asked build %(number)s to stop.") % {"number": row.number})
    return redirect(row.get_absolute_url())
