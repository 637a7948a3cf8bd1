"""Pages of deployments: the list, one deployment followed live, and the way back."""

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
from apps.manifests import canonical
from apps.manifests import selectors as manifests
from apps.workloads import selectors as workloads
from apps.workloads.views import state_context, targets_of

from . import presentation, selectors, services
from .models import Deployment, Status

PAGE_SIZE = 30


@login_required
@require_GET
def deployments(request: HttpRequest, project: str, application: str) -> HttpResponse:
    """List an application's deployments, newest first, on one target or all."""
    app = get_application(request.actor, project, application, need=Action.VIEW)  # type: ignore[attr-defined]
    targets = targets_of(app)
    chosen = next((target for target in targets if str(target) == request.GET.get("target")), None)
    rows = selectors.list_deployments(app, target=chosen)
    if request.GET.get("status") in Status.values:
        rows = rows.filter(status=request.GET["status"])
    context = {
        "application": app,
        "project": app.project,
        "tab": "deployments",
        "page": Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page")),
        "targets": targets,
        "chosen": chosen,
        "statuses": Status.choices,
    }
    return render(request, "deployments/list.html", context)


def _status_context(request: HttpRequest, deployment: Deployment) -> dict[str, Any]:
    """Return what the live part of a deployment's page shows; the cluster is not asked for it."""
    app, actor = deployment.application, request.actor  # type: ignore[attr-defined]
    timeline = presentation.timeline(deployment)
    return {
        "application": app,
        "project": app.project,
        "deployment": deployment,
        "timeline": timeline,
        "stopped": presentation.stopped(timeline),
        "serving": presentation.serving(deployment),
        "afterwards": presentation.afterwards(deployment),
        "cause": presentation.cause(deployment),
        "rollback_points": [
            (point, presentation.afterwards(point))
            for point in selectors.rollback_points(app, deployment.target, limit=10)
        ],
        "newer": selectors.find_newer(deployment),
        "may_roll_back": can(actor, app.project, Action.ROLLBACK),
        "may_cancel": can(actor, app.project, Action.DEPLOY),
        "stage": selectors.final_stage(deployment),
    }


@login_required
@require_GET
def deployment(request: HttpRequest, project: str, application: str, number: int) -> HttpResponse:
    """Show one deployment: where it is, why it waits, the evidence, one button to safety.

    Pods and the log are a part that the page fetches by itself, so that a dead cluster does not hold up the way back.
    """
    app = get_application(request.actor, project, application, need=Action.VIEW)  # type: ignore[attr-defined]
    row = selectors.get_deployment(app, number)
    return render(request, "deployments/detail.html", _status_context(request, row) | {"tab": "deployments"})


@login_required
@require_GET
def fragment(request: HttpRequest, project: str, application: str, number: int) -> HttpResponse:
    """Show the live part of a deployment's page."""
    app = get_application(request.actor, project, application, need=Action.VIEW)  # type: ignore[attr-defined]
    row = selectors.get_deployment(app, number)
    return render(request, "deployments/_status.html", _status_context(request, row))


@login_required
@require_GET
def workload(request: HttpRequest, project: str, application: str, number: int) -> HttpResponse:
    """Show the pods of a deployment's target as they are now, and the log of one of them."""
    app = get_application(request.actor, project, application, need=Action.VIEW)  # type: ignore[attr-defined]
    row = selectors.get_deployment(app, number)
    state = workloads.target_state(app, row.target)
    context = {"application": app, "project": app.project, "deployment": row, **state_context(app, state)}
    if state.followed is not None:
        names = {
            "project": app.project.slug,
            "application": app.slug,
            "environment": row.target.environment.slug,
            "target": row.target.slug,
            "pod": state.followed.name,
        }
        context["log_stream"] = reverse("stream-pod-log", kwargs=names)
    return render(request, "deployments/_workload.html", context)


@login_required
@require_GET
def manifests_page(request: HttpRequest, project: str, application: str, number: int) -> HttpResponse:
    """Show the stored manifests of a deployment as YAML, and what they changed against the version before."""
    app = get_application(request.actor, project, application, need=Action.VIEW)  # type: ignore[attr-defined]
    row = selectors.get_deployment(app, number)
    stage = selectors.final_stage(row)
    objects = manifests.stored_objects(stage.manifest_set)
    context = {
        "application": app,
        "project": app.project,
        "tab": "deployments",
        "deployment": row,
        "stage": stage,
        "changes": presentation.changes_since_previous(row),
        "yaml": canonical.to_yaml_documents(objects),
    }
    return render(request, "deployments/manifests.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def rollback(request: HttpRequest, project: str, application: str, number: int) -> HttpResponse:
    """Say what going back to this deployment's version changes (GET), and do it (POST)."""
    actor = request.actor  # type: ignore[attr-defined]
    app = get_application(actor, project, application, need=Action.ROLLBACK)
    row = selectors.get_deployment(app, number)
    services.require_rollback_point(row)
    problem = ""
    if request.method == "POST":
        # The dialog of the page asks for the name; without scripts the form itself does.
        if not row.target.environment.is_production or request.POST.get("confirm_name") == app.slug:
            made = services.request_rollback(
                deployment=row,
                actor=actor,
                note=request.POST.get("note", "")[:500],
                take_over_fields="take_over_fields" in request.POST,
            )
            toasts.success(request, _("Rolling back to deployment %(number)s.") % {"number": row.number})
            return redirect(made.get_absolute_url())
        problem = _("Type the application's name.")
    context = {
        "application": app,
        "project": app.project,
        "tab": "deployments",
        "deployment": row,
        "preview": presentation.rollback_preview(row),
        "afterwards": presentation.afterwards(selectors.trouble_of_bytes(row) or row),
        "note": request.POST.get("note", ""),
        "problem": problem,
    }
    return render(request, "deployments/rollback.html", context, status=422 if problem else 200)


@login_required
@require_GET
def rollback_preview(request: HttpRequest, project: str, application: str, number: int) -> HttpResponse:
    """Show what the cluster says that a rollback would change: a part by itself, so that a dead cluster delays no button."""
    actor = request.actor  # type: ignore[attr-defined]
    app = get_application(actor, project, application, need=Action.ROLLBACK)
    row = selectors.get_deployment(app, number)
    services.require_rollback_point(row)
    context = {
        "application": app,
        "project": app.project,
        "preview": presentation.asked_preview(row),
        "form": "rollback",
    }
    return render(request, "deployments/_rollback_preview.html", context)


@login_required
@require_POST
def cancel(request: HttpRequest, project: str, application: str, number: int) -> HttpResponse:
    """Ask a running deployment to stop."""
    actor = request.actor  # type: ignore[attr-defined]
    app = get_application(actor, project, application, need=Action.DEPLOY)
    row = selectors.get_deployment(app, number)
    services.cancel_deployment(deployment=row, actor=actor)
    toasts.info(request, _("Asked deployment %(number)s to stop.") % {"number": row.number})
    return redirect(row.get_absolute_url())
