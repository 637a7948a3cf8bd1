"""Pages of release orders: lists, and one followed live. Drawing one up and its verbs have modules of their own."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from apps.accounts.roles import Action
from apps.applications.access import can, get_application, get_project

from . import confirmation, presentation, selectors
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
    context = _list_context(request, orders) | {
        "project": place,
        "tab": "releases",
        "may_release": can(actor, place, Action.SUBMIT_RELEASE),
    }
    return render(request, "releases/project.html", context)


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


def _context(request: HttpRequest, order: ReleaseOrder) -> dict[str, Any]:
    """Return what the live part of an order's page shows."""
    actor, project = request.actor, order.application.project  # type: ignore[attr-defined]
    planned = selectors.planned_targets(order)
    words = presentation.approval_rows(order)
    gates = presentation.gate_rows(order)
    items = presentation.item_views(order, planned)
    return {
        "application": order.application,
        "project": project,
        "order": order,
        "items": items,
        "waves": len({view.wave for view in items}),
        "gates": gates,
        "passed": presentation.passed(gates),
        "stopped": any(gate["level"] == "stop" for gate in gates),
        "timeline": presentation.timeline(order),
        "cause": presentation.cause(order),
        "words": words,
        "agreed": sum(1 for row in words if row["counts"]),
        "targets": len(planned),
        "done": sum(1 for plan in planned if plan.is_done),
        "own": actor.user_id in (order.created_by_id, order.submitted_by_id),
        "said": any(row["word"].user_id == actor.user_id and row["word"].voided_at is None for row in words),
        "may_submit": can(actor, project, Action.SUBMIT_RELEASE),
        "may_approve": can(actor, project, Action.APPROVE_RELEASE),
        "may_deploy": can(actor, project, Action.DEPLOY),
        "may_roll_back": can(actor, project, Action.ROLLBACK) and any(plan.tries for plan in planned),
        "confirm": {verb: confirmation.name_to_type(order, verb) for verb in confirmation.VERBS},
        "plannable": order.status in PLANNABLE,
        "may_take_over": not order.approvals_needed and any(map(selectors.met_a_conflict, planned)),
        "rollbacks": order.rollbacks.order_by("id"),
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
def release_of_item(request: HttpRequest, project: str, application: str, item: int) -> HttpResponse:
    """Go to the release order that a deployment was made for: deployments only keep the number of its item."""
    actor = request.actor  # type: ignore[attr-defined]
    app = get_application(actor, project, application, need=Action.VIEW)
    return redirect(selectors.get_order_of_item(app, item).get_absolute_url())


@login_required
@require_GET
def fragment(request: HttpRequest, project: str, application: str, number: int) -> HttpResponse:
    """Show the live part of an order's page."""
    app = get_application(request.actor, project, application, need=Action.VIEW)  # type: ignore[attr-defined]
    return render(request, "releases/_status.html", _context(request, selectors.get_order(app, number)))
