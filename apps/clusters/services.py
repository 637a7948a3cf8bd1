"""Verbs on clusters. A cluster is asked for its version, its abilities and our rights before it is saved."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from apps.audit import services as audit
from apps.core import messages
from apps.core.actors import Actor
from apps.core.dispatch import enqueue
from apps.core.errors import Conflict, InvalidInput
from apps.core.events import emit
from apps.integrations import providers
from apps.integrations.connection import ClusterConnection
from apps.integrations.errors import IntegrationError, Unauthorized, Untrusted
from apps.integrations.kubernetes.kubeconfig import from_token, parse_kubeconfig

from . import selectors
from .models import Cluster
from .permissions import actions

REFRESH_AFTER = timedelta(minutes=10)


def add_cluster(
    *,
    actor: Actor,
    slug: str,
    name: str,
    kubeconfig: str = "",
    server: str = "",
    token: str = "",
    ca_certificate: str = "",
    description: str = "",
    ingress_address: str = "",
    ingress_domain: str = "",
    ingress_class: str = "",
) -> Cluster:
    """Add a cluster from a pasted kubeconfig, or from its address, CA and a ServiceAccount's token.

    A credential that may not do everything is accepted, and what is missing is kept with the cluster and shown.

    Raises:
        InvalidInput: the kubeconfig cannot be used (the field and the way out are named), or the cluster does not answer.
        Conflict: the short name is taken.
    """
    cluster = Cluster(
        slug=slug,
        name=name,
        description=description,
        ingress_address=ingress_address.rstrip("/"),
        ingress_domain=ingress_domain,
        ingress_class=ingress_class,
    )
    _take_credentials(cluster, _parse(slug, kubeconfig, server, token, ca_certificate))
    try:
        cluster.full_clean(validate_unique=False)
    except ValidationError as exc:
        raise InvalidInput(fields=exc.message_dict) from exc
    blamed = "kubeconfig" if kubeconfig else ""
    _ask_or_refuse(cluster, blamed)
    try:
        with transaction.atomic():
            cluster.save(force_insert=True)
            audit.record(actor=actor, action="cluster.add", subject=cluster, server=cluster.server)
    except IntegrityError as exc:
        raise Conflict("cluster.slug_taken", slug=slug) from exc
    return cluster


def update_credentials(
    *, cluster: Cluster, actor: Actor, kubeconfig: str = "", server: str = "", token: str = "", ca_certificate: str = ""
) -> Cluster:
    """Replace the credential of a cluster after it was tried.

    Raises:
        InvalidInput: as in `add_cluster`.
    """
    server = server or cluster.server
    _take_credentials(
        cluster, _parse(cluster.slug, kubeconfig, server, token, ca_certificate or cluster.ca_certificate)
    )
    _ask_or_refuse(cluster, "kubeconfig" if kubeconfig else "")
    with transaction.atomic():
        cluster.save()
        audit.record(actor=actor, action="cluster.credentials", subject=cluster, server=cluster.server)
    return cluster


def update_cluster(*, cluster: Cluster, actor: Actor, **changes: Any) -> Cluster:
    """Change name, description or how people reach its ingress.

    Raises:
        InvalidInput: a field that does not fit or cannot be changed.
    """
    known = {"name", "description", "ingress_address", "ingress_domain", "ingress_class"}
    if unknown := set(changes) - known:
        raise InvalidInput(fields={name: ["cannot be changed"] for name in unknown})
    for name, value in changes.items():
        setattr(cluster, name, value)
    try:
        cluster.full_clean(validate_unique=False)
    except ValidationError as exc:
        raise InvalidInput(fields=exc.message_dict) from exc
    with transaction.atomic():
        cluster.save(update_fields=list(changes))
        audit.record(actor=actor, action="cluster.update", subject=cluster, changes=changes)
    return cluster


def check_cluster(*, cluster: Cluster, actor: Actor) -> Cluster:
    """Ask a cluster again for its version, abilities and our rights, and keep the result."""
    _look(cluster)
    audit.record(actor=actor, action="cluster.check", subject=cluster, health=cluster.health)
    return cluster


def refresh_clusters() -> None:
    """Have every cluster asked again that was not asked for a while: versions and abilities change without us."""
    for pk in selectors.list_unchecked(timezone.now() - REFRESH_AFTER):
        enqueue("clusters.refresh", pk)


def refresh_cluster(cluster_id: int) -> None:
    """Ask one cluster again. Nobody's action, so it leaves no audit row."""
    cluster = Cluster.objects.filter(pk=cluster_id).first()
    if cluster is not None:
        _look(cluster)


def begin_maintenance(*, cluster: Cluster, reason: str, actor: Actor) -> Cluster:
    """Take a cluster out of service for changes, saying why; what runs there keeps running.

    Deployments that are under way wait until the end: pods that move while nodes are drained prove nothing.

    Raises:
        InvalidInput: no reason was given.
        Conflict: it is in maintenance already.
    """
    reason = reason.strip()
    if not reason:
        raise InvalidInput(fields={"reason": [messages.word("cluster.reason_needed").message]})
    return _set_state(
        cluster,
        Cluster.State.MAINTENANCE,
        actor,
        maintenance_reason=reason[:300],
        maintenance_by_name=actor.name,
        maintenance_since=timezone.now(),
    )


def end_maintenance(*, cluster: Cluster, actor: Actor) -> Cluster:
    """Take a cluster back into service.

    Raises:
        Conflict: it is not in maintenance.
    """
    return _set_state(
        cluster,
        Cluster.State.ACTIVE,
        actor,
        maintenance_reason="",
        maintenance_by_name="",
        maintenance_since=None,
    )


def _set_state(cluster: Cluster, state: Cluster.State, actor: Actor, **fields: Any) -> Cluster:
    """Move by compare-and-set, so that of two administrators one is told; with its audit and event."""
    with transaction.atomic():
        if not Cluster.objects.filter(pk=cluster.pk).exclude(state=state).update(state=state, **fields):
            raise Conflict("cluster.already", cluster=cluster.name, state=str(state.label))
        cluster.refresh_from_db()
        on = state == Cluster.State.MAINTENANCE
        audit.record(
            actor=actor, action="cluster.maintenance", subject=cluster, on=on, reason=cluster.maintenance_reason
        )
        emit("cluster.maintenance_began" if on else "cluster.maintenance_ended", cluster)
    return cluster


def remove_cluster(*, cluster: Cluster, actor: Actor) -> None:
    """Forget a cluster that no environment releases to. Nothing on it is touched.

    Raises:
        Conflict: it has targets.
    """
    try:
        with transaction.atomic():
            audit.record(actor=actor, action="cluster.remove", subject=cluster)
            cluster.delete()
    except ProtectedError as exc:
        raise Conflict("cluster.in_use", cluster=cluster.name, count=len(exc.protected_objects)) from exc


def _parse(slug: str, kubeconfig: str, server: str, token: str, ca_certificate: str) -> ClusterConnection:
    if kubeconfig.strip():
        return replace(parse_kubeconfig(kubeconfig)[0], name=slug)
    try:
        return from_token(name=slug, server=server, token=token, ca_pem=ca_certificate)
    except InvalidInput as exc:
        fields = {"ca_certificate" if name == "ca_pem" else name: problems for name, problems in exc.fields.items()}
        raise InvalidInput(exc.code, fields=fields) from exc


def _take_credentials(cluster: Cluster, connection: ClusterConnection) -> None:
    cluster.server, cluster.ca_certificate = connection.server, connection.ca_pem
    cluster.token, cluster.tls_server_name = connection.token, connection.tls_server_name
    cluster.client_certificate, cluster.client_key = connection.client_certificate_pem, connection.client_key_pem


def _ask_or_refuse(cluster: Cluster, blamed: str) -> None:
    try:
        _ask(cluster)
    except IntegrationError as exc:
        words = messages.word(exc.code, exc.params)
        if not blamed:
            blamed = "ca_certificate" if isinstance(exc, Untrusted) else "server"
            blamed = "token" if isinstance(exc, Unauthorized) else blamed
        raise InvalidInput(
            "cluster.refused", cluster=cluster.name, reason=words.message, fields={blamed: [words.message]}
        ) from exc


def _look(cluster: Cluster) -> None:
    """Ask a cluster and store what it said, or why it did not."""
    try:
        _ask(cluster)
    except IntegrationError as exc:
        cluster.health, cluster.health_code, cluster.health_params = Cluster.Health.FAILING, exc.code, exc.params
        cluster.checked_at = timezone.now()
    fields = ["health", "health_code", "health_params", "version", "capabilities", "missing_permissions", "checked_at"]
    cluster.save(update_fields=fields)


def _ask(cluster: Cluster) -> None:
    client = providers.kubernetes(selectors.client_connection(cluster))
    found = client.capabilities()
    missing = [str(permission.action) for permission in client.permissions(actions()) if not permission.allowed]
    cluster.version = str(found.version)
    cluster.capabilities = {
        "git_version": found.version.git_version,
        "ingress_classes": list(found.ingress_classes or ()),
        "ingress_controllers": found.ingress_controllers,
        "metrics": found.has_metrics,
        "custom_resources": found.has_custom_resources,
        "gateway_api": found.has_gateway_api,
        "istio": found.has_istio,
        "prometheus_operator": found.has_prometheus_operator,
        "cert_manager": found.has_cert_manager,
        "groups": sorted(found.groups),
    }
    cluster.missing_permissions = missing
    cluster.health, cluster.health_code, cluster.health_params = Cluster.Health.OK, "", {}
    cluster.checked_at = timezone.now()
