"""Pages of an application's Dockerfile: editor with live lint, composer, revisions and what differs between them."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.accounts.roles import Action
from apps.applications.access import can, get_application
from apps.applications.models import Application
from apps.core import messages
from apps.core.errors import Blocked, Conflict, InvalidInput, SlipwayError

from . import lint, selectors, services
from .forms import ComposerForm
from .models import DockerfileRevision

PAGE_SIZE = 30


@login_required
@require_http_methods(["GET", "POST"])
def editor(request: HttpRequest, project: str, application: str) -> HttpResponse:
    """Show the newest text, an older one (`?from=`) or the template (`?from=template`) for editing; save it (POST)."""
    actor = request.actor  # type: ignore[attr-defined]
    need = Action.EDIT_DOCKERFILE if request.method == "POST" else Action.VIEW
    app = get_application(actor, project, application, need=need)
    newest = selectors.find_latest_revision(app)
    if request.method == "GET":
        try:
            return _show(request, app, newest, content=_starting_text(app, newest, request.GET.get("from", "")))
        except Blocked as blocked:
            return _show(request, app, newest, content="", refused=blocked)
    content, note = request.POST.get("content", ""), request.POST.get("note", "")
    expected = request.POST.get("expected_number", "")
    try:
        revision = services.save_revision(
            application=app,
            content=content,
            note=note,
            actor=actor,
            expected_number=int(expected) if expected.isdecimal() and len(expected) < 9 else 0,
        )
    except InvalidInput as refused:
        return _show(request, app, newest, content=content, note=note, refused=refused, status=422)
    except Conflict as conflict:
        newest = selectors.find_latest_revision(app)
        return _show(request, app, newest, content=content, note=note, refused=conflict, status=409)
    toasts.success(request, _("Saved as revision %(number)s.") % {"number": revision.number})
    return redirect("dockerfile", project=app.project.slug, application=app.slug)


def _starting_text(app: Application, newest: DockerfileRevision | None, wanted: str) -> str:
    if wanted.isdecimal() and len(wanted) < 9:
        return selectors.get_revision(app, int(wanted)).content
    if newest is None or wanted == "template":
        return services.template_for(app)
    return newest.content


def _show(
    request: HttpRequest,
    app: Application,
    newest: DockerfileRevision | None,
    *,
    content: str,
    note: str = "",
    refused: SlipwayError | None = None,
    composed: bool = False,
    status: int = 200,
) -> HttpResponse:
    """Render the editor with a text that is not saved yet, its marks, and why it was refused where it was."""
    marks = lint.lint(app, content) if content else []
    context = {
        "application": app,
        "project": app.project,
        "tab": "dockerfile",
        "newest": newest,
        "content": content,
        "note": note,
        "marks": marks,
        "problems": [asdict(mark) for mark in marks],
        "blocking": sum(mark.blocking for mark in marks),
        "refused": messages.word(refused.code, refused.params) if refused else None,
        "is_conflict": isinstance(refused, Conflict) and not isinstance(refused, Blocked),
        "is_changed": newest is not None and content != newest.content,
        "composed": composed,
        "may_edit": can(request.actor, app.project, Action.EDIT_DOCKERFILE),  # type: ignore[attr-defined]
    }
    return render(request, "dockerfiles/edit.html", context, status=status)


@login_required
@require_POST
def lint_text(request: HttpRequest, project: str, application: str) -> JsonResponse:
    """Answer the editor with the remarks on what is typed. Saves nothing."""
    app = get_application(request.actor, project, application, need=Action.VIEW)  # type: ignore[attr-defined]
    text = request.POST.get("text", "")[: services.LONGEST]
    return JsonResponse({"problems": [asdict(mark) for mark in lint.lint(app, text)]})


@login_required
@require_http_methods(["GET", "POST"])
def composer(request: HttpRequest, project: str, application: str) -> HttpResponse:
    """Ask a few questions (GET) and take the answers over into the editor, unsaved (POST)."""
    actor = request.actor  # type: ignore[attr-defined]
    app = get_application(actor, project, application, need=Action.EDIT_DOCKERFILE)
    form = ComposerForm(app, request.POST or None)
    if request.method == "POST" and form.is_valid():
        newest = selectors.find_latest_revision(app)
        return _show(request, app, newest, content=form.text(), note=_("Composed"), composed=True)
    missing = [stage for stage in ("clone", "compile", "run") if not form.fields[stage].queryset.exists()]  # type: ignore[attr-defined]
    context = {
        "application": app,
        "project": app.project,
        "tab": "dockerfile",
        "form": form,
        "missing": messages.word("dockerfile.no_base", {"stage": missing[0]}) if missing else None,
    }
    return render(request, "dockerfiles/compose.html", context, status=422 if request.method == "POST" else 200)


@login_required
@require_POST
def preview(request: HttpRequest, project: str, application: str) -> HttpResponse:
    """Show what the composer's answers give. Saves nothing."""
    app = get_application(request.actor, project, application, need=Action.EDIT_DOCKERFILE)  # type: ignore[attr-defined]
    form = ComposerForm(app, request.POST)
    valid = form.is_valid()
    text = form.text() if valid else ""
    context = {"form": form, "text": text, "marks": lint.lint(app, text) if valid else []}
    return render(request, "dockerfiles/_preview.html", context, status=200 if valid else 422)


@login_required
@require_GET
def revisions(request: HttpRequest, project: str, application: str) -> HttpResponse:
    """List every revision, newest first."""
    app = get_application(request.actor, project, application, need=Action.VIEW)  # type: ignore[attr-defined]
    rows = selectors.list_revisions(app).defer("content")
    context = {
        "application": app,
        "project": app.project,
        "tab": "dockerfile",
        "page": Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page")),
    }
    return render(request, "dockerfiles/revisions.html", context)


@login_required
@require_GET
def revision(request: HttpRequest, project: str, application: str, number: int) -> HttpResponse:
    """Show one revision against another (`?against=`, the one before unless told otherwise)."""
    app = get_application(request.actor, project, application, need=Action.VIEW)  # type: ignore[attr-defined]
    row = selectors.get_revision(app, number)
    others = [each for each in selectors.revision_numbers(app) if each != number]
    asked = request.GET.get("against", "")
    against = int(asked) if asked.isdecimal() and len(asked) < 9 else None
    if against not in others:
        against = next((each for each in others if each < number), None)
    context: dict[str, Any] = {
        "application": app,
        "project": app.project,
        "tab": "dockerfile",
        "revision": row,
        "others": others,
        "other": selectors.get_revision(app, against) if against else None,
        "is_newest": not others or number > max(others),
        "may_edit": can(request.actor, app.project, Action.EDIT_DOCKERFILE),  # type: ignore[attr-defined]
    }
    return render(request, "dockerfiles/revision.html", context)
