"""Pages that make what runs in a namespace already an application's."""

from __future__ import annotations

from typing import Any

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.accounts.roles import Action
from apps.applications.access import can, get_application, get_target
from apps.applications.models import Application, Target
from apps.core import messages
from apps.core.actors import Actor
from apps.core.errors import PlatformError, UserError
from apps.manifests import canonical
from apps.manifests.adopting import word
from apps.manifests.importing import Level
from apps.manifests.messages import describe

from . import adoption
from .views import targets_of

_TONES = {
    Level.STOP: ("red", "circle-x"),
    Level.LOST: ("amber", "triangle-alert"),
    Level.CHANGED: ("neutral", "wrench"),
    Level.KEPT: ("neutral", "lock"),
}


@login_required
@require_GET
def choose(request: HttpRequest, project: str, application: str) -> HttpResponse:
    """List what runs without Slipway on one target of the project."""
    app = get_application(request.actor, project, application, need=Action.EDIT_DEPLOYYML)  # type: ignore[attr-defined]
    targets = targets_of(app)
    chosen = next((target for target in targets if str(target) == request.GET.get("target")), None)
    chosen = chosen or (targets[0] if targets else None)
    strangers, waiting, error = [], None, None
    if chosen is not None:
        try:
            strangers = adoption.list_strangers(chosen)
            waiting = adoption.find_waiting(app, chosen)
        except PlatformError as exc:
            error = messages.word(exc.code, exc.params)
    context = {
        "application": app,
        "project": app.project,
        "tab": "deployyml",
        "targets": targets,
        "chosen": chosen,
        "strangers": strangers,
        "waiting": waiting,
        "error": error,
    }
    return render(request, "workloads/adopt_choose.html", context)


@login_required
@require_http_methods(["GET", "POST"])
def adopt(request: HttpRequest, name: str, **names: str) -> HttpResponse:
    """Show what adopting a Deployment would mean (GET), and do it (POST)."""
    app, target, actor = _place(request, names)
    problem, fields = "", []
    if request.method == "POST":
        with_secrets = "import_secrets" in request.POST
        if with_secrets:
            _place(request, names, Action.EDIT_SECRETS)
        try:
            made = adoption.adopt(
                application=app,
                target=target,
                name=name,
                actor=actor,
                accept_losses="accept_losses" in request.POST,
                import_secrets=with_secrets,
            )
        except UserError as exc:
            problem = str(messages.word(exc.code, exc.params).message)
        else:
            toasts.success(request, _("Adopted %(name)s. Look the form over, then release.") % {"name": name})
            return redirect(made.revision.get_absolute_url())
    proposal = adoption.propose(app, target, name)
    fields = [(error.path, describe(error.code, error.params)) for error in proposal.errors]
    context = {
        "application": app,
        "project": app.project,
        "tab": "deployyml",
        "target": target,
        "name": name,
        "proposal": proposal,
        "findings": [
            {"tone": _TONES[finding.level][0], "icon": _TONES[finding.level][1], "level": finding.level.value,
             "words": messages.word(*word(finding)).message}
            for finding in proposal.imported.findings
        ],
        "field_errors": fields,
        "yaml": canonical.to_yaml(proposal.imported.document),
        "may_import_secrets": can(actor, app.project, Action.EDIT_SECRETS),
        "problem": problem,
    }  # fmt: skip
    return render(request, "workloads/adopt.html", context, status=422 if problem else 200)


@login_required
@require_POST
def withdraw(request: HttpRequest, name: str, **names: str) -> HttpResponse:
    """Forget an adoption that no release has taken over yet."""
    app, target, actor = _place(request, names)
    adoption.withdraw(application=app, target=target, name=name, actor=actor)
    toasts.info(request, _("%(name)s is not adopted any more.") % {"name": name})
    return redirect(
        f"{reverse('adopt-choose', kwargs={'project': app.project.slug, 'application': app.slug})}?target={target}"
    )


def _place(
    request: HttpRequest, names: dict[str, Any], need: Action = Action.EDIT_DEPLOYYML
) -> tuple[Application, Target, Actor]:
    actor: Actor = request.actor  # type: ignore[attr-defined]
    target = get_target(actor, names["project"], names["environment"], names["target"], need=need)
    return get_application(actor, names["project"], names["application"], need=need), target, actor
