"""The verbs of a release order's page: each one POST, one service, and back to the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts.roles import Action
from apps.applications.access import get_application
from apps.core import messages
from apps.core.actors import Actor
from apps.core.answers import details_of
from apps.core.errors import Blocked, Conflict, InvalidInput, SlipwayError

from . import confirmation, lookup, presentation, selectors, services
from .forms import VerdictForm
from .models import ReleaseOrder


def _act(
    request: HttpRequest,
    names: tuple[str, str, int],
    need: Action,
    verb: str,
    service: Callable[..., ReleaseOrder],
    done: str,
    **given: Any,
) -> HttpResponse:
    """Carry one verb out and go back to the order's page; gates that stop it are shown there, not on an error page."""
    actor = request.actor  # type: ignore[attr-defined]
    app = get_application(actor, names[0], names[1], need=need)
    order = selectors.get_order(app, names[2])
    confirmation.require_name(order, verb, request.POST.get("confirm_name", ""))
    try:
        service(order=order, actor=actor, **given)
    except (Blocked, Conflict, InvalidInput) as exc:
        toasts.error(request, _reasons(exc))
    else:
        toasts.success(request, done % {"number": order.number})
    return redirect(order.get_absolute_url())


def _reasons(exc: SlipwayError) -> str:
    words = messages.word(exc.code, exc.params)
    reasons = [blocker["message"] for blocker in details_of(exc).get("blockers", [])]
    return " ".join([words.message, *(reasons or [words.hint])])


def _word(request: HttpRequest) -> dict[str, str]:
    form = VerdictForm(request.POST)
    if not form.is_valid():
        raise InvalidInput(fields=form.errors.get_json_data())
    return {"note": form.cleaned_data["note"], "expected_plan_hash": form.cleaned_data["plan_hash"]}


@login_required
@require_POST
def plan(request: HttpRequest, project: str, application: str, number: int) -> HttpResponse:
    """Make the plan again, with what was decided about fields that others own."""
    names, done = (project, application, number), _("Planned release %(number)s again.")
    chosen = {name: request.POST.getlist(name) for name in ("take_over", "leave")}

    def service(*, order: ReleaseOrder, actor: Actor) -> ReleaseOrder:
        return services.make_plan(order=order, actor=actor, decisions=lookup.find_decisions(order, **chosen))

    return _act(request, names, Action.SUBMIT_RELEASE, "plan", service, done)


@login_required
@require_POST
def submit(request: HttpRequest, project: str, application: str, number: int) -> HttpResponse:
    """Freeze the plan."""
    names, done = (project, application, number), _("Submitted release %(number)s.")
    seen = _word(request)["expected_plan_hash"]
    return _act(request, names, Action.SUBMIT_RELEASE, "submit", services.submit_order, done, expected_plan_hash=seen)


@login_required
@require_POST
def approve(request: HttpRequest, project: str, application: str, number: int) -> HttpResponse:
    """Agree to the plan."""
    names, done = (project, application, number), _("You approved release %(number)s.")
    word = _word(request)
    return _act(request, names, Action.APPROVE_RELEASE, "approve", services.approve_order, done, **word)


@login_required
@require_POST
def reject(request: HttpRequest, project: str, application: str, number: int) -> HttpResponse:
    """Refuse the plan."""
    names, done = (project, application, number), _("You rejected release %(number)s.")
    word = _word(request)
    return _act(request, names, Action.APPROVE_RELEASE, "reject", services.reject_order, done, **word)


@login_required
@require_POST
def execute(request: HttpRequest, project: str, application: str, number: int) -> HttpResponse:
    """Start an approved order."""
    names, done = (project, application, number), _("Started release %(number)s.")
    return _act(request, names, Action.DEPLOY, "execute", services.start_order, done)


@login_required
@require_POST
def stop(request: HttpRequest, project: str, application: str, number: int) -> HttpResponse:
    """Take an order back, or stop it."""
    names, done = (project, application, number), _("Stopping release %(number)s.")
    return _act(request, names, Action.DEPLOY, "stop", services.stop_order, done)


@login_required
@require_POST
def retry(request: HttpRequest, project: str, application: str, number: int) -> HttpResponse:
    """Try the failed targets again."""
    names, done = (project, application, number), _("Trying release %(number)s again.")
    taking = "take_over_fields" in request.POST
    return _act(request, names, Action.DEPLOY, "retry", services.retry_order, done, take_over_fields=taking)


@login_required
@require_http_methods(["GET", "POST"])
def rollback(request: HttpRequest, project: str, application: str, number: int) -> HttpResponse:
    """Say what taking the whole order back changes (GET), and do it (POST)."""
    actor = request.actor  # type: ignore[attr-defined]
    app = get_application(actor, project, application, need=Action.ROLLBACK)
    order = selectors.get_order(app, number)
    problem = ""
    if request.method == "POST":
        word = _word(request)
        try:
            # The dialog of the page asks for the name; without scripts the form itself does.
            confirmation.require_name(order, "rollback", request.POST.get("confirm_name", ""))
            made = services.roll_back_order(order=order, actor=actor, **word)
        except InvalidInput as exc:
            problem = " ".join(exc.fields.get("confirm_name", []))
        except Conflict as exc:
            toasts.error(request, _reasons(exc))
            return redirect(request.path)
        else:
            toasts.success(request, _("Rolling back release %(number)s.") % {"number": order.number})
            return redirect(made.get_absolute_url())
    back = presentation.way_back(order)
    context = {
        "application": app,
        "project": app.project,
        "tab": "releases",
        "order": order,
        "back": back,
        "passed": presentation.passed(back.gates),
        "confirm_name": confirmation.name_to_type(order, "rollback"),
        "note": request.POST.get("note", ""),
        "problem": problem,
    }
    return render(request, "releases/rollback.html", context, status=422 if problem else 200)
