"""Reads of clusters. The one place where a cluster's credential is decrypted into something a client takes."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Case, Count, F, Q, QuerySet, When

from apps.core.errors import Conflict, NotFound
from apps.integrations.connection import ClusterConnection

from .models import Cluster
from .permissions import Right, rights


def list_clusters() -> QuerySet[Cluster]:
    """Return all clusters by name, each with `target_count`."""
    return Cluster.objects.annotate(target_count=Count("targets")).order_by("name")


def list_unchecked(before: datetime) -> list[int]:
    """Return the primary keys of clusters that were last asked what they can do before `before`, the oldest first."""
    stale = Cluster.objects.filter(Q(checked_at=None) | Q(checked_at__lt=before))
    return list(stale.order_by(F("checked_at").asc(nulls_first=True)).values_list("pk", flat=True))


def list_clusters_worst_first() -> QuerySet[Cluster]:
    """Return all clusters with `target_count`: those that do not answer, then those in maintenance, then by name."""
    failing_first = Case(When(health=Cluster.Health.FAILING, then=0), default=1)
    return list_clusters().order_by(failing_first, "-state", "name")


def rights_of(cluster: Cluster) -> list[Right]:
    """Return what Slipway needs on a cluster and lacks there, as the last check found it."""
    return rights(set(cluster.missing_permissions))


def get_cluster(slug: str) -> Cluster:
    """Return one cluster.

    Raises:
        NotFound: there is none of that short name.
    """
    cluster = Cluster.objects.filter(slug=slug).first()
    if cluster is None:
        raise NotFound("object.missing")
    return cluster


def client_connection(cluster: Cluster) -> ClusterConnection:
    """Return what `providers.kubernetes` builds a client from."""
    return ClusterConnection(
        name=cluster.slug,
        server=cluster.server,
        ca_pem=cluster.ca_certificate,
        token=cluster.token,
        client_certificate_pem=cluster.client_certificate,
        client_key_pem=cluster.client_key,
        tls_server_name=cluster.tls_server_name,
    )


def require_active(cluster: Cluster) -> None:
    """Raise where a cluster takes no changes now.

    Raises:
        Conflict: it is in maintenance.
    """
    if cluster.in_maintenance:
        raise Conflict("cluster.maintenance", **maintenance_params(cluster))


def maintenance_params(cluster: Cluster) -> dict[str, str]:
    """Return what the words of a maintenance say: which cluster, why, and who began it."""
    return {"cluster": cluster.name, "reason": cluster.maintenance_reason, "by": cluster.maintenance_by_name}
