"""Put a target in place on its cluster: namespace, default limits, pull secret. Each write is idempotent.

namespace with our labels -> LimitRange with defaults (a person's own wins) -> the Secret that pulls images
"""

from __future__ import annotations

import base64
import json
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.audit import services as audit
from apps.clusters import namespaces
from apps.clusters import selectors as clusters
from apps.connections.models import Connection
from apps.connections.selectors import registry_host
from apps.core.actors import Actor
from apps.core.errors import Conflict
from apps.integrations import providers
from apps.integrations.kubernetes.client import KubernetesClient

from .models import Project, Target
from .pulling import PullCredentials, ensure_pull_credentials

PULL_SECRET = "slipway-pull"  # noqa: S105 - the name of the object, not a secret
LIMIT_RANGE = namespaces.OWN_LIMITS
DEFAULT_LIMITS = {"cpu": "500m", "memory": "512Mi"}
DEFAULT_REQUESTS = {"cpu": "50m", "memory": "64Mi"}


def prepare_target(*, target: Target, harbor: Connection, actor: Actor) -> None:
    """Put the namespace, its default limits and the pull secret in place, and remember that it was done.

    Raises:
        IntegrationError: the cluster or Harbor cannot be asked, or refuses.
        Conflict: the cluster is in maintenance, or the namespace is somebody else's.
    """
    clusters.require_active(target.cluster)
    client = providers.kubernetes(clusters.client_connection(target.cluster))
    project = target.environment.project
    labels = {
        "app.kubernetes.io/managed-by": "slipway",
        "slipway.io/project": project.slug,
        "slipway.io/environment": target.environment.slug,
    }
    if target.prepared_at is None and not actor.is_administrator:
        _require_free(client, target.namespace, project)
    client.ensure_namespace(target.namespace, labels)
    if client.find("LimitRange", LIMIT_RANGE, target.namespace) is None:
        client.apply(limit_range(target.namespace))  # once there, they are changed on the page of the namespace
    credentials = ensure_pull_credentials(project=project, harbor=harbor, actor=actor)
    client.apply(pull_secret(target.namespace, registry_host(harbor), credentials))
    with transaction.atomic():
        Target.objects.filter(pk=target.pk).update(prepared_at=timezone.now())
        audit.record(actor=actor, action="target.prepare", subject=target, project=project)
    target.refresh_from_db(fields=["prepared_at"])


def _require_free(client: KubernetesClient, namespace: str, project: Project) -> None:
    """Raise where a namespace was there before us: else a project's owner could take any namespace of a cluster over.

    Raises:
        Conflict: it is there and does not carry the project's label.
    """
    found = client.find("Namespace", namespace)
    labels = (found["metadata"].get("labels") or {}) if found else {}
    if found and labels.get("slipway.io/project") != project.slug:
        raise Conflict("target.namespace_foreign", namespace=namespace)


def limit_range(namespace: str) -> dict[str, Any]:
    """Return the LimitRange that gives every container without limits sane ones."""
    return {
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": {"name": LIMIT_RANGE, "namespace": namespace},
        "spec": {"limits": [{"type": "Container", "default": DEFAULT_LIMITS, "defaultRequest": DEFAULT_REQUESTS}]},
    }


def pull_secret(namespace: str, host: str, credentials: PullCredentials) -> dict[str, Any]:
    """Return the Secret with which the nodes pull images from a registry."""
    username, password = credentials.username, credentials.password
    pair = base64.b64encode(f"{username}:{password}".encode()).decode()
    content = {"auths": {host: {"username": username, "password": password, "auth": pair}}}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/dockerconfigjson",
        "metadata": {"name": PULL_SECRET, "namespace": namespace},
        "data": {".dockerconfigjson": base64.b64encode(json.dumps(content).encode()).decode()},
    }
