"""What runs in a target's namespace without Slipway, and making it an application's. Nothing here writes to the cluster."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from apps.applications.models import Application, Target
from apps.core.actors import Actor
from apps.core.errors import Conflict, NotFound
from apps.integrations.errors import Missing
from apps.integrations.kubernetes import ownership
from apps.integrations.kubernetes.client import KubernetesClient
from apps.integrations.kubernetes.field_managers import FIELD_MANAGER
from apps.manifests import adopting
from apps.manifests import selectors as manifests
from apps.manifests.fields import FieldError
from apps.manifests.importing import Finding, Imported, Level, Live, import_workload
from apps.manifests.importing.live import references
from apps.manifests.models import Adoption

from .reading import APPLICATION_LABEL, client_for
from .selectors import PAGE_TIMEOUT

Object = dict[str, Any]

ADOPTABLE = "Deployment"
_KINDS = (ADOPTABLE, "StatefulSet", "DaemonSet")
# They count, report and mark on everybody's objects.
_CONTROLLERS = frozenset({"kube-controller-manager", "kubectl-rollout", ""})


@dataclass(frozen=True)
class Stranger:
    """A workload that Slipway does not manage."""

    kind: str
    name: str
    ready: int
    wanted: int
    images: list[str]
    managers: list[str]

    @property
    def adoptable(self) -> bool:
        """Return whether the form knows this kind."""
        return self.kind == ADOPTABLE


@dataclass(frozen=True)
class Proposal:
    """What adopting a Deployment would mean: the form, what there is to know, and what stands against it."""

    imported: Imported
    errors: list[FieldError]
    managers: list[str] = field(default_factory=list)

    @property
    def possible(self) -> bool:
        """Return whether nothing stands against it."""
        return not self.imported.stops and not self.errors

    @property
    def loses(self) -> bool:
        """Return whether something is taken away, which has to be agreed to."""
        return any(finding.level == Level.LOST for finding in self.imported.findings)


def list_strangers(target: Target) -> list[Stranger]:
    """Return the workloads of a target's namespace that Slipway does not manage, Deployments first.

    Raises:
        IntegrationError: the cluster cannot be asked.
    """
    client = client_for(target, timeout=PAGE_TIMEOUT)
    return [
        _stranger(kind, item)
        for kind in _KINDS
        for item in client.list_objects(kind, target.namespace).items
        if _is_strange(item)
    ]


def propose(application: Application, target: Target, name: str) -> Proposal:
    """Return what adopting a Deployment would mean.

    Raises:
        NotFound: there is none of that name that Slipway does not manage already.
        IntegrationError: the cluster cannot be asked.
    """
    live = _read(client_for(target), target.namespace, name)
    imported = import_workload(live)
    managers = _managers_of(live, imported)
    imported = _with_other_tools(imported, managers)
    errors = [] if imported.stops else adopting.find_obstacles(application, target, imported)
    return Proposal(imported, errors, managers)


def adopt(
    *,
    application: Application,
    target: Target,
    name: str,
    actor: Actor,
    accept_losses: bool = False,
    import_secrets: bool = False,
) -> Adoption:
    """Make a Deployment the application's; with `import_secrets` the values that it reads are stored encrypted.

    Raises:
        NotFound: see `propose`.
        Conflict: something is taken away and nobody agreed to that; or it is adopted already.
        Blocked, InvalidInput: see `adopting.adopt`.
        IntegrationError: the cluster cannot be asked.
    """
    client = client_for(target)
    live = _read(client, target.namespace, name)
    imported = import_workload(live)
    lost = [finding for finding in imported.findings if finding.level == Level.LOST]
    if lost and not accept_losses and not imported.stops:
        raise Conflict("adoption.losses", count=len(lost), name=name)
    values = _values(client, target.namespace, imported) if import_secrets and not imported.stops else {}
    return adopting.adopt(
        application=application,
        target=target,
        imported=imported,
        managers=_managers_of(live, imported),
        values=values,
        actor=actor,
    )


def find_waiting(application: Application, target: Target) -> Adoption | None:
    """Return what the application adopted on a target and has not taken over yet, as far as the cluster can be asked.

    Raises:
        IntegrationError: it cannot.
    """
    adoption = manifests.find_adoption(application, target)
    if adoption is None:
        return None
    live = client_for(target, timeout=PAGE_TIMEOUT).find(ADOPTABLE, adoption.workload, target.namespace)
    return adoption if live is None or _is_strange(live) else None


def withdraw(*, application: Application, target: Target, name: str, actor: Actor) -> None:
    """Forget an adoption that no release has taken over yet.

    Raises:
        NotFound: nothing of that name is adopted there.
        Conflict: a release has taken it over.
        IntegrationError: the cluster cannot be asked.
    """
    known = manifests.find_adoption(application, target)
    if known is None or known.workload != name:
        raise NotFound("adoption.none", name=name)
    if find_waiting(application, target) is None:
        raise Conflict("adoption.taken_over", name=name)
    adopting.withdraw(adoption=known, actor=actor)


def _read(client: KubernetesClient, namespace: str, name: str) -> Live:
    try:
        deployment = client.get(ADOPTABLE, name, namespace)
    except Missing as exc:
        raise NotFound("adoption.missing", name=name) from exc
    if not _is_strange(deployment):
        raise NotFound("adoption.missing", name=name)
    config_maps, secrets = references(deployment["spec"]["template"])
    found_maps = {each: client.find("ConfigMap", each, namespace) for each in sorted(config_maps)}
    found_secrets = {each: client.find("Secret", each, namespace) for each in sorted(secrets)}
    return Live(
        deployment={"apiVersion": "apps/v1", "kind": ADOPTABLE, **deployment},
        services=client.list_objects("Service", namespace).items,
        ingresses=client.list_objects("Ingress", namespace).items,
        autoscalers=client.list_objects("HorizontalPodAutoscaler", namespace).items,
        config_maps={each: found for each, found in found_maps.items() if found is not None},
        # The values are not looked at here, and go no further than this function.
        secret_keys={each: frozenset(found.get("data") or {}) for each, found in found_secrets.items() if found},
    )


def _values(client: KubernetesClient, namespace: str, imported: Imported) -> dict[str, str]:
    """Return the values to store, by the form's name. Never log, store in the clear or send on what this returns."""
    values: dict[str, str] = {}
    for secret in sorted({source.secret for source in imported.secrets}):
        content = (client.find("Secret", secret, namespace) or {}).get("data") or {}
        for source in imported.secrets:
            if source.secret == secret and source.key in content:
                text = _text(content[source.key])
                if text:
                    values[source.name] = text
    return values


def _text(encoded: str) -> str | None:
    """Return a value as text, None where it is binary: such a one is set by hand."""
    try:
        return base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _is_strange(item: Object) -> bool:
    labels = item["metadata"].get("labels") or {}
    controlled = any(owner.get("controller") for owner in item["metadata"].get("ownerReferences") or [])
    return APPLICATION_LABEL not in labels and not ownership.applied_by(item, FIELD_MANAGER) and not controlled


def _managers(item: Mapping[str, Any]) -> list[str]:
    """Return who wrote what the object shall be, without the controllers that report on it or scale it."""
    names = {owner.manager for owner in ownership.owners(item) if not owner.subresource}
    return sorted(names - _CONTROLLERS)


def _managers_of(live: Live, imported: Imported) -> list[str]:
    """Return who wrote the objects that an adoption takes over."""
    names = imported.identity
    taken = {("Service", names.service), ("Ingress", names.ingress), ("HorizontalPodAutoscaler", names.autoscaler)}
    others = [
        item
        for item in (*live.services, *live.ingresses, *live.autoscalers)
        if (item["kind"], item["metadata"]["name"]) in taken
    ]
    return sorted({manager for item in (live.deployment, *others) for manager in _managers(item)})


def _with_other_tools(imported: Imported, managers: list[str]) -> Imported:
    """Return an import that says which tools may write their version again: they have to be stopped before."""
    tools = [manager for manager in managers if manager not in ownership.HAND_TOOLS]
    if not tools:
        return imported
    about = f"{ADOPTABLE}/{imported.identity.workload}"
    finding = Finding(Level.CHANGED, "other_tools", about, params={"tools": ", ".join(tools)})
    return replace(imported, findings=(finding, *imported.findings))


def _stranger(kind: str, item: Object) -> Stranger:
    spec, status = item.get("spec") or {}, item.get("status") or {}
    containers = ((spec.get("template") or {}).get("spec") or {}).get("containers") or []
    daemon = kind == "DaemonSet"
    return Stranger(
        kind=kind,
        name=item["metadata"]["name"],
        ready=int(status.get("numberReady" if daemon else "readyReplicas") or 0),
        wanted=int(status.get("desiredNumberScheduled") or 0) if daemon else int(spec.get("replicas") or 0),
        images=[str(container.get("image", "")) for container in containers],
        managers=_managers(item),
    )
