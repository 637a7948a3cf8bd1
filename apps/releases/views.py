"""Pages of release orders: lists, a new one, one followed live, and its verbs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.accounts.roles import Action
from apps.applications.access import can, get_application, get_project
from apps.core import messages
from apps.core.answers import details_of
from apps.core.errors import Blocked, Conflict, InvalidInput

from . import lookup, presentation, selectors, services
from .forms import ReleaseForm, VerdictForm
from .models import PLANNABLE, ReleaseOrder, Status

PAGE_SIZE = 30


def _list_context(request: HttpRequest, orders: QuerySet[ReleaseOrder]) -> dict[str, Any]:
    if request.GET.get("status") in Status.values:
        orders = orders.filter(status=request.GET["status"])
    return {
        "page": Paginator(orders, PAGE_SIZE).get_page(request.GET.get("page")),
        "statuses": Status.choices,
    }


@login_required
@require_GET
def all_releases(request: HttpRequest) -> HttpResponse:
    """List the release orders of every project one sees."""
    actor = request.actor  # type: ignore[attr-defined]
    waiting = selectors.waiting_for_approval(actor).count()
    context = _list_context(request, selectors.list_orders(actor)) | {"waiting": waiting}
    return render(request, "releases/all.html", context)


@login_required
@require_GET
def project_releases(request: HttpRequest, project: str) -> HttpResponse:
    """List the release orders of a project."""
    actor = request.actor  # type: ignore[attr-defined]
    place = get_project(actor, project, need=Action.VIEW)
    orders = selectors.list_orders(actor).filter(application__project=place)
    return render(
        request, "releases/project.html", _list_context(request, orders) | {"project": place, "tab": "releases"}
    )


@login_required
@require_GET
def releases(request: HttpRequest, project: str, application: str) -> HttpResponse:
    """List an application's release orders."""
    actor = request.actor  # type: ignore[attr-defined]
    app = get_application(actor, project, application, need=Action.VIEW)
    context = _list_context(request, selectors.list_orders_of(app)) | {
        "application": app,
        "project": app.project,
        "tab": "releases",
        "may_release": can(actor, app.project, Action.SUBMIT_RELEASE),
    }
    return render(request, "releases/list.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest, project: str, application: str) -> HttpResponse:
    """Make a release order: a draft with its plan, to be looked at before it is submitted."""
    actor = request.actor  # type: ignore[attr-defined]
    app = get_application(actor, project, application, need=Action.SUBMIT_RELEASE)
    wanted = {name: request.GET[name] for name in ("environment", "build", "deployyml_revision") if name in request.GET}
    form = ReleaseForm(request.POST or None, application=app, initial=wanted)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            order = services.create_order(
                application=app,
                environment=lookup.find_environment(app, given["environment"]),
                build=lookup.find_build(app, given["build"]),
                revision=lookup.find_revision(app, given["deployyml_revision"]),
                actor=actor,
                note=given["note"],
                start=given["start"],
                scheduled_for=given["scheduled_for"],
            )
        except (InvalidInput, Conflict) as exc:
            form.add_error(None, messages.word(exc.code, exc.params).message)
        else:
            services.make_plan(order=order, actor=actor)
            return redirect(order.get_absolute_url())
    context = {"application": app, "project": app.project, "tab": "releases", "form": form}
    return render(request, "releases/new.html", context, status=422 if form.errors else 200)


def _context(request: HttpRequest, order: ReleaseOrder) -> dict[str, Any]:
    """Return what the live part of an order's page shows."""
    actor, project = request.actor, order.application.project  # type: ignore[attr-defined]
    planned = selectors.planned_targets(order)
    agreed = [
        word
        for word in order.approvals.all()
        if word.voided_at is None and word.verdict == "approved" and word.plan_hash == order.plan_hash
    ]
    own = actor.user_id in (order.created_by_id, order.submitted_by_id)
    said = any(word.user_id == actor.user_id and word.voided_at is None for word in order.approvals.all())
    gates = presentation.gate_rows(order)
    may_deploy = can(actor, project, Action.DEPLOY)
    return {
        "application": order.application,
        "project": project,
        "order": order,
        "item": order.items.all()[0],
        "gates": gates,
        "stopped": any(gate["level"] == "stop" for gate in gates),
        "views": presentation.target_views(planned),
        "timeline": presentation.timeline(order),
        "cause": presentation.cause(order),
        "agreed": agreed,
        "done": sum(1 for plan in planned if plan.is_done),
        "may_submit": can(actor, project, Action.SUBMIT_RELEASE),
        "may_approve": can(actor, project, Action.APPROVE_RELEASE),
        "own": own,
        "said": said,
        "may_deploy": may_deploy,
        "plannable": order.status in PLANNABLE,
        "topics": " ".join(
            f"deployment:{plan.deployment_id}" for plan in planned if plan.deployment and not plan.deployment.is_final
        ),
    }


@login_required
@require_GET
def release(request: HttpRequest, project: str, application: str, number: int) -> HttpResponse:
    """Show one order: what will change and whether it is safe; then how it goes, live."""
    app = get_application(request.actor, project, application, need=Action.VIEW)  # type: ignore[attr-defined]
    order = selectors.get_order(app, number)
    return render(request, "releases/detail.html", _context(request, order) | {"tab": "releases"})


@login_required
@require_GET
def fragment(request: HttpRequest, project: str, application: str, number: int) -> HttpResponse:
    """Show the live part of an order's page."""
    app = get_application(request.actor, project, application, need=Action.VIEW)  # type: ignore[attr-defined]
    return render(request, "releases/_status.html", _context(request, selectors.get_order(app, number)))


def _act(
    request: HttpRequest,
    names: tuple[str, str, int],
    need: Action,
    service: Callable[..., ReleaseOrder],
    done: str,
    **given: Any,
) -> HttpResponse:
    """Carry one verb out and go back to the order's page; gates that stop it are shown there, not on an error page."""
    actor = request.actor  # type: ignore[attr-defined]
    app = get_application(actor, names[0], names[1], need=need)
    order = selectors.get_order(app, names[2])
    if order.environment.is_production and request.POST.get("confirm_name", app.slug) != app.slug:
        raise InvalidInput(fields={"confirm_name": [_("Type the application's name.")]})
    try:
        service(order=order, actor=actor, **given)
    except (Blocked, Conflict, InvalidInput) as exc:
        words = messages.word(exc.code, exc.params)
        reasons = [blocker["message"] for blocker in details_of(exc).get("blockers", [])]
        toasts.error(request, " ".join([words.message, *(reasons or [words.hint])]))
    else:
        toasts.success(request, done % {"number": order.number})
    return redirect(order.get_absolute_url())


def _word(request: HttpRequest) -> dict[str, str]:
    form = VerdictForm(request.POST)
    if not form.is_valid():
        raise InvalidInput(fields=form.errors.get_json_data())
    return {"note": form.cleaned_data["note"], "expected_plan_hash": form.cleaned_data["plan_hash"]}


@login_required
@require_POST
def plan(request: HttpRequest, project: str, application: str, number: int) -> HttpResponse:
    """Make the plan again."""
    names = (project, application, number)
    return _act(request, names, Action.SUBMIT_RELEASE, services.make_plan, _("Planned release %(number)s again."))


@login_required
@require_POST
def submit(request: HttpRequest, project: str, application: str, number: int) -> HttpResponse:
    """Freeze the plan."""
    names, seen = (project, application, number), _word(request)["expected_plan_hash"]
    done = _("Submitted release %(number)s.")
    return _act(request, names, Action.SUBMIT_RELEASE, services.submit_order, done, expected_plan_hash=seen)


@login_required
@require_POST
def approve(request: HttpRequest, project: str, application: str, number: int) -> HttpResponse:
    """Agree to the plan."""
    names, done = (project, application, number), _("You approved release %(number)s.")
    return _act(request, names, Action.APPROVE_RELEASE, services.approve_order, done, **_word(request))


@login_required
@require_POST
def reject(request: HttpRequest, project: str, application: str, number: int) -> HttpResponse:
    """Refuse the plan."""
    names, done = (project, application, number), _("You rejected release %(number)s.")
    return _act(request, names, Action.APPROVE_RELEASE, services.reject_order, done, **_word(request))


@login_required
@require_POST
def execute(request: HttpRequest, project: str, application: str, number: int) -> HttpResponse:
    """Start an approved order."""
    names = (project, application, number)
    return _act(request, names, Action.DEPLOY, services.start_order, _("Started release %(number)s."))


@login_required
@require_POST
def stop(request: HttpRequest, project: str, application: str, number: int) -> HttpResponse:
    """Take an order back, or stop it."""
    names = (project, application, number)
    return _act(request, names, Action.DEPLOY, services.stop_order, _("Stopping release %(number)s."))


@login_required
@require_POST
def retry(request: HttpRequest, project: str, application: str, number: int) -> HttpResponse:
    """Try the failed targets again."""
    names = (project, application, number)
    return _act(request, names, Action.DEPLOY, services.retry_order, _("Trying release %(number)s again."))
