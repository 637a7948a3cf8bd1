"""Pages of drift: what differs on each target of an application, and the two ways out."""

from __future__ import annotations

from typing import Any

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from apps.accounts.roles import Action
from apps.applications.access import can, get_application, get_target
from apps.applications.models import Application, Target

from . import selectors, services
from .drift import presentation
from .drift import services as drifting
from .models import DriftWatch


def _shown(watch: DriftWatch) -> dict[str, Any]:
    objects = presentation.objects(watch)
    return {
        "watch": watch,
        "target": watch.target,
        "problem": presentation.problem(watch),
        "objects": objects,
        "acceptable": presentation.acceptable(objects),
    }


def _context(request: HttpRequest, application: Application) -> dict[str, Any]:
    actor, project = request.actor, application.project  # type: ignore[attr-defined]
    return {
        "application": application,
        "project": project,
        "tab": "overview",
        "places": [_shown(watch) for watch in selectors.list_drift_watches(application)],
        "may_reapply": can(actor, project, Action.ROLLBACK),
        "may_accept": can(actor, project, Action.EDIT_DEPLOYYML),
    }


@login_required
@require_GET
def drift(request: HttpRequest, project: str, application: str) -> HttpResponse:
    """Show what differs from what was last deployed, target by target."""
    app = get_application(request.actor, project, application, need=Action.VIEW)  # type: ignore[attr-defined]
    return render(request, "deployments/drift.html", _context(request, app))


@login_required
@require_GET
def fragment(request: HttpRequest, project: str, application: str) -> HttpResponse:
    """Show the live part of that page."""
    app = get_application(request.actor, project, application, need=Action.VIEW)  # type: ignore[attr-defined]
    return render(request, "deployments/_drift.html", _context(request, app))


def _place(
    request: HttpRequest, project: str, application: str, environment: str, target: str, need: Action
) -> tuple[Application, Target]:
    actor = request.actor  # type: ignore[attr-defined]
    app = get_application(actor, project, application, need=need)
    return app, get_target(actor, project, environment, target, need=Action.VIEW)


@login_required
@require_POST
def check(request: HttpRequest, project: str, application: str, environment: str, target: str) -> HttpResponse:
    """Have a target looked at now."""
    app, place = _place(request, project, application, environment, target, Action.VIEW)
    drifting.check_now(application=app, target=place)
    toasts.info(request, _("Looking at %(target)s now.") % {"target": place})
    return redirect("drift", project=project, application=application)


@login_required
@require_POST
def reapply(request: HttpRequest, project: str, application: str, environment: str, target: str) -> HttpResponse:
    """Bring back what was deployed, taking over the fields that others changed."""
    app, place = _place(request, project, application, environment, target, Action.ROLLBACK)
    if place.environment.is_production and request.POST.get("confirm_name") != app.slug:
        toasts.error(request, _("Type the application's name."))
        return redirect("drift", project=project, application=application)
    made = services.request_reapply(application=app, target=place, actor=request.actor)  # type: ignore[attr-defined]
    toasts.success(request, _("Bringing back what was deployed."))
    return redirect(made.get_absolute_url())


@login_required
@require_POST
def accept(request: HttpRequest, project: str, application: str, environment: str, target: str) -> HttpResponse:
    """Accept the chosen fields into a new revision of the DeployYml."""
    app, place = _place(request, project, application, environment, target, Action.EDIT_DEPLOYYML)
    chosen = set(request.POST.getlist("field"))
    done = drifting.accept(application=app, target=place, actor=request.actor, chosen=chosen)  # type: ignore[attr-defined]
    words = ngettext(
        "%(revision)s says what is live in one field. Release it, so that it is what was deployed.",
        "%(revision)s says what is live in %(count)s fields. Release it, so that it is what was deployed.",
        len(done.accepted),
    )
    toasts.success(request, words % {"revision": done.revision, "count": len(done.accepted)})
    return redirect(done.revision.get_absolute_url())
