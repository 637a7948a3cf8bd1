"""Pages of people's words: the inbox of approvals and verdicts, and an application's test orders."""

from __future__ import annotations

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from apps.accounts.roles import Action
from apps.applications.access import can, get_application
from apps.core import messages
from apps.core.errors import Conflict, InvalidInput

from . import lookup, selectors, testing
from .views import PAGE_SIZE

MOST = 100


@login_required
@require_GET
def approvals(request: HttpRequest) -> HttpResponse:
    """Show what waits for this person: release orders to approve, commits to test."""
    actor = request.actor  # type: ignore[attr-defined]
    context = {
        "orders": selectors.waiting_for_approval(actor)[:MOST],
        "tests": selectors.waiting_for_verdict(actor)[:MOST],
    }
    return render(request, "releases/approvals.html", context)


@login_required
@require_GET
def tests(request: HttpRequest, project: str, application: str) -> HttpResponse:
    """List an application's test orders; ask for one, give a verdict."""
    actor = request.actor  # type: ignore[attr-defined]
    app = get_application(actor, project, application, need=Action.VIEW)
    context = {
        "application": app,
        "project": app.project,
        "tab": "releases",
        "page": Paginator(selectors.list_tests(app), PAGE_SIZE).get_page(request.GET.get("page")),
        "builds": lookup.list_releasable_builds(app, limit=20),
        "may_ask": can(actor, app.project, Action.BUILD),
        "may_judge": can(actor, app.project, Action.TEST_VERDICT),
    }
    return render(request, "releases/tests.html", context)


@login_required
@require_POST
def request_test(request: HttpRequest, project: str, application: str) -> HttpResponse:
    """Ask the testers about a build."""
    actor = request.actor  # type: ignore[attr-defined]
    app = get_application(actor, project, application, need=Action.BUILD)
    number = request.POST.get("build", "")
    if not number.isdecimal():
        raise InvalidInput(fields={"build": [_("Choose a build.")]})
    build = lookup.find_build(app, int(number))
    try:
        testing.request_test(application=app, build=build, actor=actor, note=request.POST.get("note", "")[:500])
        toasts.success(request, _("Asked the testers about %(sha)s.") % {"sha": build.short_sha})
    except Conflict as exc:
        toasts.warning(request, messages.word(exc.code, exc.params).message)
    return redirect("tests", project=project, application=application)


@login_required
@require_POST
def give_verdict(request: HttpRequest, project: str, application: str, number: int) -> HttpResponse:
    """Say whether a commit passed."""
    actor = request.actor  # type: ignore[attr-defined]
    app = get_application(actor, project, application, need=Action.TEST_VERDICT)
    test = selectors.get_test(app, number)
    try:
        testing.give_verdict(
            test=test,
            verdict=request.POST.get("verdict", ""),
            actor=actor,
            note=request.POST.get("note", "")[:500],
        )
        toasts.success(request, _("Your verdict on test order %(number)s is in.") % {"number": number})
    except (Conflict, InvalidInput) as exc:
        toasts.error(request, messages.word(exc.code, exc.params).message)
    return redirect("tests", project=project, application=application)
