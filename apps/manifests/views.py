"""Pages of the DeployYml: the form with live YAML beside it, and its revisions. Secrets have their own module."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from apps.applications.models import Application, Target
from apps.core.errors import Conflict, InvalidInput

from . import comparison, forms, layers, lookup, overrides, selectors, services
from .assembly import Assembly, assemble, target_key
from .canonical import to_yaml, to_yaml_documents
from .layers import EditedLayer
from .messages import describe
from .models import DeployYmlRevision
from .overrides import BASE
from .presentation import FormView, resource_words, source_label
from .resolve import layers_for

PAGE_SIZE = 30

# What a new application most likely is; shown in the form, saved only when somebody says so.
STARTER: Mapping[str, Any] = {
    "ports": [{"name": "http", "port": 8080, "service_port": 80}],
    "ingress": {},
}

Errors = Mapping[str, Sequence[Any]]


@login_required
@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, project: str, application: str) -> HttpResponse:
    """Show one layer of the newest DeployYml as a form (GET) and save it as the next revision (POST)."""
    actor = request.actor  # type: ignore[attr-defined]
    need = Action.EDIT_DEPLOYYML if request.method == "POST" else Action.VIEW
    app = get_application(actor, project, application, need=need)
    newest = selectors.find_latest_revision(app)
    layer = layers.get_layer(app, request.POST.get("layer") or request.GET.get("layer") or BASE)
    if request.method == "GET":
        return _show(request, app, newest, layer)
    typed = request.POST.dict()
    base, changes = _contents(newest)
    base, changes = layer.replace(base, changes, forms.read_layer(typed))
    expected = typed.get("expected_number", "")
    try:
        revision = services.save_revision(
            application=app,
            base=base,
            overrides=changes,
            note=typed.get("note", "")[:300],
            actor=actor,
            expected_number=int(expected) if expected.isdecimal() else None,
        )
    except InvalidInput as refused:
        return _show(request, app, newest, layer, typed=typed, errors=refused.fields, status=422)
    except Conflict as conflict:
        return _show(request, app, newest, layer, typed=typed, conflict=conflict, status=409)
    toasts.success(request, _("Saved as revision %(number)s.") % {"number": revision.number})
    return redirect(f"{_address(app, 'deployyml')}?layer={layer.name}")


def _contents(revision: DeployYmlRevision | None) -> tuple[dict[str, Any], dict[str, Any]]:
    return (dict(revision.base), dict(revision.overrides)) if revision else (dict(STARTER), {})


def _address(application: Application, name: str, **more: Any) -> str:
    return reverse(name, kwargs={"project": application.project.slug, "application": application.slug, **more})


def _show(
    request: HttpRequest,
    app: Application,
    newest: DeployYmlRevision | None,
    layer: EditedLayer,
    *,
    typed: Mapping[str, str] | None = None,
    errors: Errors | None = None,
    conflict: Conflict | None = None,
    status: int = 200,
) -> HttpResponse:
    """Render the form: from the stored layer, or from what was typed with what is wrong with it."""
    base, changes = _contents(newest)
    document = layer.document(base, changes) if typed is None else forms.read_layer(typed)
    base, changes = layer.replace(base, changes, document)
    stack = layers_for(base, changes, environment=layer.environment, target=layer.target)
    below = [one for one in stack if one.name != layer.name]
    here, elsewhere = _split_errors(errors or {}, layer)
    view = FormView(document, below, secrets=_secret_names(stack), typed=typed, errors=here)
    targets = list(lookup.list_targets(app))
    sections = view.sections()
    context = {
        "application": app,
        "project": app.project,
        "tab": "deployyml",
        "revision": newest,
        "layer": layer,
        "stage": next((one.environment.stage for one in targets if one.environment.slug == layer.environment), ""),
        "layers": layers.list_layers(targets, _("Everywhere"), base, changes),
        "targets": [(target_key(target), target) for target in targets if _concerns(layer, target)],
        "sections": sections,
        "secrets": view.secrets,
        "other_errors": {**view.unplaced_errors(), **elsewhere},
        "error_count": sum(len(one) for one in (errors or {}).values()),
        "conflict": conflict,
        "typed": typed or {},
        "expected_number": newest.number if newest else "",
        "may_edit": can(request.actor, app.project, Action.EDIT_DEPLOYYML),  # type: ignore[attr-defined]
    }
    return render(request, "manifests/edit.html", context, status=status)


def _concerns(layer: EditedLayer, target: Target) -> bool:
    if layer.target:
        return target_key(target) == layer.target
    return layer.environment in {None, target.environment.slug}


def _secret_names(stack: Sequence[overrides.Layer]) -> list[str]:
    rows = overrides.resolve(stack).get("secrets")
    return (
        [str(row["name"]) for row in rows if isinstance(row, dict) and row.get("name")]
        if isinstance(rows, list)
        else []
    )


def _split_errors(errors: Errors, layer: EditedLayer) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Return the sentences at fields of the edited layer (paths inside it), and those of the other layers."""
    here: dict[str, list[str]] = {}
    elsewhere: dict[str, list[str]] = {}
    for path, problems in errors.items():
        sentences = [problem["message"] if isinstance(problem, dict) else str(problem) for problem in problems]
        if path == layer.error_prefix or path.startswith((f"{layer.error_prefix}.", f"{layer.error_prefix}[")):
            here.setdefault(path[len(layer.error_prefix) :].removeprefix("."), []).extend(sentences)
        else:
            elsewhere[path] = sentences
    return here, elsewhere


@login_required
@require_POST
def preview(request: HttpRequest, project: str, application: str) -> HttpResponse:
    """Show what a target would get from what is typed, what is wrong with it, and what would change. Saves nothing."""
    app = get_application(request.actor, project, application, need=Action.VIEW)  # type: ignore[attr-defined]
    layer = layers.get_layer(app, request.POST.get("layer") or BASE)
    newest = selectors.find_latest_revision(app)
    base, changes = layer.replace(*_contents(newest), forms.read_layer(request.POST.dict()))
    target = lookup.get_target(app, request.POST.get("preview_target", ""))
    made = assemble(application=app, target=target, base=base, overrides=changes)
    saved = assemble(application=app, target=target, base=newest.base, overrides=newest.overrides) if newest else None
    context = {
        "target": target,
        "revision": newest,
        "yaml": to_yaml_documents(made.objects),
        "saved_yaml": to_yaml_documents(saved.objects) if saved else "",
        "problems": _problems(made),
        "schemas": made.schemas,
        "in_words": resource_words(made.resolved.spec) if made.resolved.spec else "",
    }
    return render(request, "manifests/_preview.html", context)


def _problems(made: Assembly) -> list[dict[str, Any]]:
    """Return errors and findings in words, errors first."""
    rows = [(one.path, one.code, one.params, "red") for one in made.errors]
    rows += [(one.path, one.code, one.params, "red" if one.severity == "block" else "amber") for one in made.findings]
    return [
        {
            "path": path,
            "text": describe(code, params),
            "tone": tone,
            "source": source_label(made.resolved.source(path).layer),
        }
        for path, code, params, tone in rows
    ]


@login_required
@require_GET
def revisions(request: HttpRequest, project: str, application: str) -> HttpResponse:
    """List every revision, newest first."""
    app = get_application(request.actor, project, application, need=Action.VIEW)  # type: ignore[attr-defined]
    rows = selectors.list_revisions(app).defer("base", "overrides")
    context = {
        "application": app,
        "project": app.project,
        "tab": "deployyml",
        "page": Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page")),
    }
    return render(request, "manifests/revisions.html", context)


@login_required
@require_GET
def revision(request: HttpRequest, project: str, application: str, number: int) -> HttpResponse:
    """Show a revision beside another one: the form data, or the objects that a chosen target gets from each."""
    actor = request.actor  # type: ignore[attr-defined]
    app = get_application(actor, project, application, need=Action.VIEW)
    row = selectors.get_revision(app, number)
    newest = selectors.find_latest_revision(app)
    against = request.GET.get("against", "")
    other = selectors.get_revision(app, int(against)) if against.isdecimal() else selectors.find_previous_revision(row)
    targets = list(lookup.list_targets(app))
    chosen = next((one for one in targets if target_key(one) == request.GET.get("target")), None)
    context = {
        "application": app,
        "project": app.project,
        "tab": "deployyml",
        "revision": row,
        "other": other,
        "others": selectors.list_revisions(app).exclude(pk=row.pk).values_list("number", flat=True)[:200],
        "newest": newest,
        "targets": [target_key(target) for target in targets],
        "chosen": chosen,
        "changes": comparison.compare(app, other, row, chosen),
        "form_yaml": to_yaml({"base": row.base, "overrides": row.overrides}),
        "may_edit": can(actor, app.project, Action.EDIT_DEPLOYYML),
    }
    return render(request, "manifests/revision.html", context)


@login_required
@require_POST
def restore(request: HttpRequest, project: str, application: str, number: int) -> HttpResponse:
    """Save an earlier revision again, as the newest one."""
    actor = request.actor  # type: ignore[attr-defined]
    app = get_application(actor, project, application, need=Action.EDIT_DEPLOYYML)
    expected = request.POST.get("expected_number", "")
    made = services.restore_revision(
        application=app, number=number, actor=actor, expected_number=int(expected) if expected.isdecimal() else None
    )
    toasts.success(request, _("Revision %(old)s is back as revision %(new)s.") % {"old": number, "new": made.number})
    return redirect(made.get_absolute_url())
