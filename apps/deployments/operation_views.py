"""Pages of what can be done with a version that is there: restart, scale, take off; hold a rollout and let it go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.accounts.roles import Action
from apps.applications.access import get_application, get_target
from apps.applications.models import Application, Target
from apps.core import messages
from apps.core.actors import Actor
from apps.core.errors import InvalidInput
from apps.workloads import selectors as workloads

from . import operations, selectors
from .forms import BoundsForm, ScaleForm
from .models import Deployment
from .removing import preview
from .situation import removal_right, situation


def _place(request: HttpRequest, names: dict[str, str], need: Action) -> tuple[Application, Target, Actor]:
    actor: Actor = request.actor  # type: ignore[attr-defined]
    target = get_target(actor, names["project"], names["environment"], names["target"], need=need)
    return get_application(actor, names["project"], names["application"], need=need), target, actor


def _page(request: HttpRequest, app: Application, target: Target, actor: Actor, **more: Any) -> HttpResponse:
    """Return the page of operations; with `problem` it says what was wrong with what was asked for."""
    state = workloads.target_state(app, target)
    context = {
        "application": app,
        "project": app.project,
        "tab": "deployments",
        "target": target,
        "situation": situation(app, target, actor),
        "state": state,
        "error": messages.word(state.error.code, state.error.params) if state.error else None,
        **more,
    }
    return render(request, "deployments/operations.html", context, status=422 if more.get("problem") else 200)


@login_required
@require_GET
def target_operations(request: HttpRequest, **names: str) -> HttpResponse:
    """Show what can be done with an application on one target."""
    return _page(request, *_place(request, names, Action.VIEW))


@login_required
@require_POST
def restart(request: HttpRequest, **names: str) -> HttpResponse:
    """Replace all pods, or those that were chosen."""
    app, target, actor = _place(request, names, Action.RESTART)
    chosen, note = request.POST.getlist("pods"), _note(request)
    if "chosen" in request.POST and not chosen:
        return _page(request, app, target, actor, problem=_("Choose at least one pod."))
    pods = chosen if "chosen" in request.POST else []
    return _ask(
        request,
        (app, target, actor),
        lambda: operations.request_restart(application=app, target=target, actor=actor, pods=pods, note=note),
    )


@login_required
@require_POST
def scale(request: HttpRequest, **names: str) -> HttpResponse:
    """Set the number of pods, or between which numbers the autoscaler may choose."""
    app, target, actor = _place(request, names, Action.SCALE)
    common: dict[str, Any] = {"application": app, "target": target, "actor": actor, "note": _note(request)}
    form = BoundsForm(request.POST) if "min" in request.POST else ScaleForm(request.POST)
    if not form.is_valid():
        return _page(request, app, target, actor, problem=_("Give whole numbers."))
    asked = form.cleaned_data
    if isinstance(form, BoundsForm):
        return _ask(
            request,
            (app, target, actor),
            lambda: operations.request_bounds(least=asked["min"], most=asked["max"], **common),
        )
    confirmed = request.POST.get("confirm_name", "")
    return _ask(
        request,
        (app, target, actor),
        lambda: operations.request_scale(replicas=asked["replicas"], confirmed=confirmed, **common),
        ask_name=asked["replicas"] == 0,
        replicas=asked["replicas"],
    )


@login_required
@require_http_methods(["GET", "POST"])
def removal(request: HttpRequest, **names: str) -> HttpResponse:
    """List what taking the application off would delete (GET), and do it (POST)."""
    app, target, actor = _place(request, names, Action.VIEW)
    app, target, actor = _place(request, names, removal_right(target))
    problem = ""
    if request.method == "POST":
        typed = request.POST.get("confirm_name", "")
        try:
            made = operations.request_removal(
                application=app, target=target, actor=actor, confirmed=typed, note=_note(request)
            )
        except InvalidInput as exc:
            problem = str(messages.word(exc.code, exc.params).message)
        else:
            return redirect(made.get_absolute_url())
    context = {
        "application": app,
        "project": app.project,
        "tab": "deployments",
        "target": target,
        "situation": situation(app, target, actor),
        "preview": preview(app, target),
        "problem": problem,
        "note": request.POST.get("note", ""),
    }
    return render(request, "deployments/removal.html", context, status=422 if problem else 200)


@login_required
@require_POST
def pause(request: HttpRequest, project: str, application: str, number: int) -> HttpResponse:
    """Hold a rollout."""
    return _on_deployment(request, project, application, number, operations.pause_deployment, _("Asked it to pause."))


@login_required
@require_POST
def resume(request: HttpRequest, project: str, application: str, number: int) -> HttpResponse:
    """Let a rollout go on."""
    return _on_deployment(request, project, application, number, operations.resume_deployment, _("Asked it to go on."))


def _on_deployment(
    request: HttpRequest, project: str, application: str, number: int, verb: Callable[..., None], said: str
) -> HttpResponse:
    actor: Actor = request.actor  # type: ignore[attr-defined]
    app = get_application(actor, project, application, need=Action.DEPLOY)
    row = selectors.get_deployment(app, number)
    verb(deployment=row, actor=actor)
    toasts.info(request, said)
    return redirect(row.get_absolute_url())


def _ask(
    request: HttpRequest,
    place: tuple[Application, Target, Actor],
    verb: Callable[[], Deployment],
    **more: Any,
) -> HttpResponse:
    """Do what was asked for and go to its page; what was wrong with the input is said on this one."""
    try:
        made = verb()
    except InvalidInput as exc:
        return _page(request, *place, problem=str(messages.word(exc.code, exc.params).message), **more)
    return redirect(made.get_absolute_url())


def _note(request: HttpRequest) -> str:
    return request.POST.get("note", "")[:500]
