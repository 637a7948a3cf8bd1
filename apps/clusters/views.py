"""Pages of clusters: everybody may look, administrators add and change."""

from __future__ import annotations

from typing import Any

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.accounts.guards import require_administrator
from apps.accounts.requests import HttpRequest
from apps.core import messages
from apps.core.forms import attempt

from . import access_yaml, namespaces, selectors, services
from .forms import AddClusterForm, ClusterForm, CredentialsForm, MaintenanceForm, NamespaceForm
from .models import Cluster

CHANGEABLE = ("name", "description", "ingress_address", "ingress_domain", "ingress_class")


@login_required
@require_GET
def clusters(request: HttpRequest) -> HttpResponse:
    """List the clusters, those that need attention first."""
    context = {"clusters": selectors.list_clusters_worst_first(), "may_manage": request.actor.is_administrator}
    return render(request, "clusters/list.html", context)


def _access() -> dict[str, str]:
    return {"access_yaml": access_yaml.access_yaml(), "token_command": access_yaml.token_command()}


@sensitive_post_parameters("kubeconfig", "token")
@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def add(request: HttpRequest) -> HttpResponse:
    """Add a cluster; beside the form stands the access it needs there."""
    require_administrator(request.actor)
    form = AddClusterForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        made = attempt(
            form,
            lambda: services.add_cluster(actor=request.actor, **form.cleaned_data),
            conflict="slug",
            inside="kubeconfig",
        )
        if made:
            if not made.missing_permissions:
                toasts.success(request, _("%(name)s answers, and was added.") % {"name": made.name})
            return redirect("cluster-detail", slug=made.slug)
    return render(request, "clusters/add.html", {"form": form, **_access()}, status=422 if form.is_bound else 200)


def _detail(request: HttpRequest, cluster: Cluster, *, status: int = 200, **forms: Any) -> HttpResponse:
    context = {
        "cluster": cluster,
        "problem": messages.word(cluster.health_code, cluster.health_params) if cluster.health_code else None,
        "rights": selectors.rights_of(cluster),
        "target_count": cluster.targets.count(),
        "may_manage": request.actor.is_administrator,
        "form": ClusterForm(initial={name: getattr(cluster, name) for name in CHANGEABLE}),
        "credentials_form": CredentialsForm(
            initial={"server": cluster.server, "ca_certificate": cluster.ca_certificate}
        ),
        "maintenance_form": MaintenanceForm(),
        "namespace_form": NamespaceForm(),
        "targets": cluster.targets.select_related("environment__project").order_by("namespace"),
        **_access(),
    }
    return render(request, "clusters/detail.html", context | forms, status=status)


@never_cache
@login_required
@require_http_methods(["GET", "POST"])
def detail(request: HttpRequest, slug: str) -> HttpResponse:
    """Show a cluster (GET) and change what it is called and how it is reached (POST, administrators)."""
    cluster = selectors.get_cluster(slug)
    if request.method == "GET":
        return _detail(request, cluster)
    require_administrator(request.actor)
    form = ClusterForm(request.POST)
    if form.is_valid():
        saved = attempt(
            form, lambda: services.update_cluster(cluster=cluster, actor=request.actor, **form.cleaned_data)
        )
        if saved:
            toasts.success(request, _("%(name)s was saved.") % {"name": saved.name})
            return redirect("cluster-detail", slug=slug)
        cluster.refresh_from_db()
    return _detail(request, cluster, status=422, form=form)


@sensitive_post_parameters("kubeconfig", "token")
@login_required
@require_POST
def credentials(request: HttpRequest, slug: str) -> HttpResponse:
    """Replace the credential of a cluster after it was tried (administrators)."""
    require_administrator(request.actor)
    cluster = selectors.get_cluster(slug)
    form = CredentialsForm(request.POST)
    if form.is_valid():
        saved = attempt(
            form,
            lambda: services.update_credentials(cluster=cluster, actor=request.actor, **form.cleaned_data),
            inside="kubeconfig",
        )
        if saved:
            toasts.success(request, _("%(name)s answers to the new credential.") % {"name": saved.name})
            return redirect("cluster-detail", slug=slug)
        cluster.refresh_from_db()
    return _detail(request, cluster, status=422, credentials_form=form)


@login_required
@require_POST
def check(request: HttpRequest, slug: str) -> HttpResponse:
    """Ask a cluster again (administrators)."""
    require_administrator(request.actor)
    checked = services.check_cluster(cluster=selectors.get_cluster(slug), actor=request.actor)
    if checked.health == Cluster.Health.OK:
        toasts.success(request, _("%(name)s answers.") % {"name": checked.name})
    else:
        toasts.error(request, messages.word(checked.health_code, checked.health_params).message)
    return redirect("cluster-detail", slug=slug)


@login_required
@require_POST
def maintenance(request: HttpRequest, slug: str) -> HttpResponse:
    """Begin maintenance, saying why, or end it (administrators)."""
    require_administrator(request.actor)
    cluster = selectors.get_cluster(slug)
    if request.POST.get("on") != "1":
        services.end_maintenance(cluster=cluster, actor=request.actor)
        return redirect("cluster-detail", slug=slug)
    form = MaintenanceForm(request.POST)
    if form.is_valid():
        begun = attempt(
            form, lambda: services.begin_maintenance(cluster=cluster, actor=request.actor, **form.cleaned_data)
        )
        if begun:
            return redirect("cluster-detail", slug=slug)
    return _detail(request, cluster, status=422, maintenance_form=form)


@login_required
@require_POST
def remove(request: HttpRequest, slug: str) -> HttpResponse:
    """Forget a cluster that nothing releases to (administrators)."""
    require_administrator(request.actor)
    cluster = selectors.get_cluster(slug)
    services.remove_cluster(cluster=cluster, actor=request.actor)
    toasts.success(request, _("%(name)s was removed; nothing on it was touched.") % {"name": cluster.name})
    return redirect("clusters")


@login_required
@require_POST
def create_namespace(request: HttpRequest, slug: str) -> HttpResponse:
    """Create a namespace that no target has yet (administrators)."""
    require_administrator(request.actor)
    cluster = selectors.get_cluster(slug)
    form = NamespaceForm(request.POST)
    if form.is_valid():
        name = form.cleaned_data["name"]
        made = attempt(
            form,
            lambda: namespaces.create_namespace(cluster=cluster, name=name, actor=request.actor),
            conflict="name",
        )
        if made:
            toasts.success(request, _("%(namespace)s was created.") % {"namespace": name})
            return redirect("cluster-detail", slug=slug)
    return _detail(request, cluster, status=422, namespace_form=form)
