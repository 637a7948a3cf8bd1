"""Pages of live state: an application's pods, one pod with its log and events."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from apps.accounts.roles import Action
from apps.applications.access import get_application, get_target
from apps.applications.models import Application, Target
from apps.core import messages
from apps.core.errors import NotFound

from . import selectors

DOWNLOAD_LINES = 10_000


def targets_of(application: Application) -> list[Target]:
    """Return the targets of the application's project in the order of the environments."""
    return list(
        Target.objects.filter(environment__project=application.project)
        .select_related("cluster", "environment__project")
        .order_by("environment__position", "environment_id", "position", "id")
    )


def state_context(application: Application, state: selectors.TargetState) -> dict[str, Any]:
    """Return what the fragment with the pods of one target shows."""
    place = {
        "project": application.project.slug,
        "application": application.slug,
        "environment": state.target.environment.slug,
        "target": state.target.slug,
    }
    rows = [
        {
            "pod": pod,
            "cause": messages.word(pod.cause.code, pod.cause.params) if pod.cause else None,
            "url": reverse("pod", kwargs={**place, "pod": pod.name}),
        }
        for pod in state.pods
    ]
    error = messages.word(state.error.code, state.error.params) if state.error else None
    return {"state": state, "rows": rows, "error": error, "fragment_url": reverse("target-pods", kwargs=place)}


@login_required
@require_GET
def pods(request: HttpRequest, project: str, application: str) -> HttpResponse:
    """Show the pods of an application; each target's part is read by the page itself, so that a slow cluster delays none."""
    app = get_application(request.actor, project, application, need=Action.VIEW)  # type: ignore[attr-defined]
    context = {"application": app, "project": app.project, "tab": "pods", "targets": targets_of(app)}
    return render(request, "workloads/pods.html", context)


@login_required
@require_GET
def target_pods(request: HttpRequest, project: str, application: str, environment: str, target: str) -> HttpResponse:
    """Show the pods of an application on one target, as the fragment that pages keep up to date."""
    actor = request.actor  # type: ignore[attr-defined]
    app = get_application(actor, project, application, need=Action.VIEW)
    place = get_target(actor, project, environment, target, need=Action.VIEW)
    context = state_context(app, selectors.target_state(app, place))
    return render(request, "workloads/_target_pods.html", {"application": app, "target": place, **context})


@login_required
@require_GET
def pod(request: HttpRequest, project: str, application: str, environment: str, target: str, pod: str) -> HttpResponse:
    """Show one pod: why it is as it is, its events, its log followed live and that of the run before."""
    actor = request.actor  # type: ignore[attr-defined]
    app = get_application(actor, project, application, need=Action.VIEW)
    place = get_target(actor, project, environment, target, need=Action.VIEW)
    state = selectors.target_state(app, place)
    context = state_context(app, state)
    row = next((row for row in context["rows"] if row["pod"].name == pod), None)
    if row is None and state.error is None:
        raise NotFound("workload.pod_missing", pod=pod)
    names = {"project": project, "application": application, "environment": environment, "target": target, "pod": pod}
    context |= {
        "application": app,
        "project": app.project,
        "tab": "pods",
        "target": place,
        "row": row,
        "pod_name": pod,
        "stream": reverse("stream-pod-log", kwargs=names),
        "log_url": reverse("pod-log", kwargs=names),
    }
    return render(request, "workloads/pod.html", context)


@login_required
@require_GET
def pod_log(
    request: HttpRequest, project: str, application: str, environment: str, target: str, pod: str
) -> HttpResponse:
    """Send a pod's log as a text file (`?previous=1` for the run before)."""
    actor = request.actor  # type: ignore[attr-defined]
    app = get_application(actor, project, application, need=Action.VIEW_LOGS)
    place = get_target(actor, project, environment, target, need=Action.VIEW_LOGS)
    text = selectors.read_log(
        app,
        place,
        pod,
        container=request.GET.get("container", ""),
        tail=DOWNLOAD_LINES,
        previous=request.GET.get("previous") == "1",
    )
    response = HttpResponse(text, content_type="text/plain; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{pod}.log"'
    return response
