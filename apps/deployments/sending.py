"""Send one object of a set to the cluster: which conflicts are none, and who says how many pods there are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from apps.core.errors import PlatformError
from apps.integrations.kubernetes.answers import ApplyConflict, Conflict
from apps.integrations.kubernetes.client import KubernetesClient
from apps.integrations.kubernetes.entities import Applied
from apps.integrations.kubernetes.field_managers import OPERATION_MANAGERS

from . import selectors
from .models import Deployment
from .moves import name_of
from .prune import identity, is_ours

Manifest = dict[str, Any]
T = TypeVar("T")

AUTOSCALER = "HorizontalPodAutoscaler"
_REPLICAS = ".spec.replicas"


class BeingDeleted(PlatformError):
    """The object of that name is on its way out: what is applied to it goes with it, so it is waited for."""

    retryable = True


class Sender:
    """Sends the objects of one set, as its deployment was told to."""

    def __init__(self, client: KubernetesClient, deployment: Deployment, objects: Sequence[Manifest]) -> None:
        self.client = client
        self._deployment = deployment
        self._objects = objects
        self._adopted_from = selectors.adopted_from(deployment)
        self._autoscaled = any(item["kind"] == AUTOSCALER for item in objects)

    def send(self, manifest: Manifest) -> tuple[str, ...]:
        """Apply one object, and return what the cluster warns of although it took it.

        Raises:
            ApplyConflict: others own fields with other values, and taking them over was not asked for.
            BeingDeleted: the object is being deleted.
            IntegrationError: the cluster refuses, or cannot be asked.
        """
        if manifest["kind"] == "Deployment":
            self._settle_replicas(manifest)
        if self._deployment.take_over_fields:
            applied = self.client.take_over(manifest, others=self._adopted_from)
        else:
            applied = self._yielding(manifest, lambda force: self.client.apply(manifest, force=force))
        _require_staying(manifest, applied)
        return applied.warnings

    def ensure(self, manifest: Manifest) -> bool:
        """Apply one object again and return whether that changed anything.

        Raises:
            ApplyConflict, IntegrationError: see `send`.
        """
        if self._deployment.take_over_fields:
            return self.client.ensure(manifest, force=True)
        return self._yielding(manifest, lambda force: self.client.ensure(manifest, force=force))

    def _yielding(self, manifest: Manifest, call: Callable[[bool], T]) -> T:
        """Call without force, and with it where every conflict is with something that Slipway itself decided."""
        try:
            return call(False)
        except ApplyConflict as exc:
            namespace = self._deployment.target.namespace
            if not all(gives_way(self.client, namespace, self._objects, manifest, each) for each in exc.conflicts):
                raise
        return call(True)

    def _settle_replicas(self, manifest: Manifest) -> None:
        """See to it that the number of pods changes hands without a jump, where the set begins or ends to be autoscaled.

        A number that nobody applies any more falls to one; an autoscaler that is removed only after the rollout would
        overrule the number that the set names.
        """
        if "replicas" not in manifest["spec"]:
            self.client.keep_replicas(manifest)
        elif not self._autoscaled and selectors.was_autoscaled(self._deployment):
            name, namespace = manifest["metadata"]["name"], self._deployment.target.namespace
            found = self.client.find(AUTOSCALER, name, namespace)
            if found is not None and is_ours(found):
                self.client.delete(AUTOSCALER, name, namespace, uid=found["metadata"]["uid"])


def gives_way(
    client: KubernetesClient, namespace: str, objects: Sequence[Manifest], manifest: Manifest, conflict: Conflict
) -> bool:
    """Return whether a field is no other's: set by Slipway under another name, or by an autoscaler that leaves with the set."""
    if conflict.manager in OPERATION_MANAGERS:
        return True
    by_autoscaler = (conflict.manager, conflict.subresource, conflict.field) == (
        "kube-controller-manager",
        "scale",
        _REPLICAS,
    )
    if not by_autoscaler:
        return False
    wanted = {identity(item) for item in objects}
    staying = [
        item
        for item in client.list_objects(AUTOSCALER, namespace).items
        if not is_ours(item) or identity(item) in wanted
    ]
    return not any(item["spec"]["scaleTargetRef"].get("name") == manifest["metadata"]["name"] for item in staying)


def _require_staying(manifest: Manifest, applied: Applied) -> None:
    if applied.object["metadata"].get("deletionTimestamp"):
        raise BeingDeleted("apply.being_deleted", object=name_of(manifest))
