"""Budgets and limits of a namespace: ResourceQuotas and LimitRanges, read from the cluster and changed there.

The cluster is the truth: nothing of it is stored here. What others made is shown and left alone until somebody says that
Slipway shall own it from now on. https://kubernetes.io/docs/concepts/policy/resource-quotas/,
https://kubernetes.io/docs/concepts/policy/limit-range/
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

from django.db.models import Model
from django.utils import timezone

from apps.audit import services as audit
from apps.core import messages
from apps.core.actors import Actor
from apps.core.errors import Conflict, InvalidInput, NotFound
from apps.integrations import providers
from apps.integrations.calls import Timeout
from apps.integrations.errors import AlreadyExists, Missing, Rejected
from apps.integrations.kubernetes import quantity
from apps.integrations.kubernetes.client import KubernetesClient
from apps.integrations.kubernetes.field_managers import FIELD_MANAGER

from . import selectors
from .models import Cluster

Object = dict[str, Any]

QUOTA, LIMITS = "ResourceQuota", "LimitRange"
OWN_QUOTA, OWN_LIMITS = "slipway-quota", "slipway-defaults"
MANAGED = {"app.kubernetes.io/managed-by": FIELD_MANAGER}
# What the form offers; the API takes any resource that a quota may name.
RESOURCES = ("requests.cpu", "requests.memory", "limits.cpu", "limits.memory", "pods", "services")
KINDS_OF_LIMIT = ("default", "defaultRequest", "min", "max", "maxLimitRequestRatio")
LIMITED = ("cpu", "memory")
_COUNTED = ("pods", "services", "count/")
TIMEOUT = Timeout(connect=2.0, read=5.0)  # somebody waits for the page


@dataclass(frozen=True, slots=True)
class Use:
    """One resource of a quota: what may be used, and what is."""

    resource: str
    hard: str
    used: str
    percent: int

    @property
    def share(self) -> str:
        """Return how much of it is used, as pages say it."""
        return f"{self.percent} %"


@dataclass(frozen=True, slots=True)
class Policy:
    """One ResourceQuota or LimitRange as it is on the cluster."""

    kind: str
    name: str
    ours: bool
    managers: tuple[str, ...]
    spec: Mapping[str, Any]
    uses: tuple[Use, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Return whether the forms can say all of it: no scopes, and limits of containers only."""
        if self.kind == QUOTA:
            return not self.spec.get("scopes") and not self.spec.get("scopeSelector")
        return [item.get("type") for item in self.spec.get("limits") or []] == ["Container"]

    @property
    def container(self) -> dict[str, dict[str, str]]:
        """Return what it says of containers, kind by kind."""
        items = [item for item in self.spec.get("limits") or [] if item.get("type") == "Container"]
        return {kind: dict(items[0].get(kind) or {}) for kind in KINDS_OF_LIMIT} if items else {}

    @property
    def amounts(self) -> dict[str, str]:
        """Return all its amounts by one name each."""
        return _flat(self.spec)


@dataclass(frozen=True, slots=True)
class Namespace:
    """What a namespace is given, at `read_at`; `phase` is empty where it is not there."""

    name: str
    phase: str
    read_at: datetime
    quotas: tuple[Policy, ...] = ()
    limits: tuple[Policy, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One value before and after, empty where there is none."""

    field: str
    before: str
    after: str


def read(cluster: Cluster, namespace: str) -> Namespace:
    """Return quotas with their use, and limits, of a namespace.

    Raises:
        IntegrationError: the cluster cannot be asked.
    """
    client = _client(cluster)
    found = client.find("Namespace", namespace)
    phase = str((found.get("status") or {}).get("phase", "Active")) if found else ""
    return Namespace(
        namespace,
        phase,
        timezone.now(),
        quotas=tuple(_policy(item) for item in client.list_objects(QUOTA, namespace).items) if found else (),
        limits=tuple(_policy(item) for item in client.list_objects(LIMITS, namespace).items) if found else (),
    )


def save_quota(
    *,
    cluster: Cluster,
    namespace: str,
    hard: Mapping[str, str],
    actor: Actor,
    name: str = OWN_QUOTA,
    take_over: bool = False,
    dry_run: bool = False,
    project: Model | None = None,
) -> list[Change]:
    """Set what may be used in a namespace, and return what that changes; with `dry_run` nothing is.

    Raises:
        InvalidInput: nothing is limited, or an amount is none, by resource.
        Conflict: others made this quota and it is not taken over, or the cluster is in maintenance.
        IntegrationError: the cluster refuses, or cannot be asked.
    """
    problems = {resource: [_problem(resource, text)] for resource, text in hard.items() if _problem(resource, text)}
    if problems or not hard:
        raise InvalidInput("namespace.amounts", fields=problems or {"hard": [_word("namespace.nothing_limited")]})
    spec = {"hard": {resource: quantity.canonical(text) for resource, text in hard.items()}}
    return _save(QUOTA, cluster, namespace, name, spec, actor, take_over, dry_run, project)


def save_limits(
    *,
    cluster: Cluster,
    namespace: str,
    container: Mapping[str, Mapping[str, str]],
    actor: Actor,
    name: str = OWN_LIMITS,
    take_over: bool = False,
    dry_run: bool = False,
    project: Model | None = None,
) -> list[Change]:
    """Set what containers that say nothing get, and what they may say at all: `{"default": {"cpu": "500m"}, …}`.

    Raises:
        InvalidInput: nothing is said, an amount is none, or amounts contradict each other, by `<kind>.<resource>`.
        Conflict, IntegrationError: as `save_quota`.
    """
    problems = {
        f"{kind}.{resource}": [_problem(resource, text)]
        for kind, amounts in container.items()
        for resource, text in amounts.items()
        if kind not in KINDS_OF_LIMIT or _problem(resource, text)
    }
    problems = problems or _contradictions(container)
    if problems or not any(container.values()):
        raise InvalidInput("namespace.amounts", fields=problems or {"container": [_word("namespace.nothing_limited")]})
    said = {
        kind: {resource: quantity.canonical(text) for resource, text in amounts.items()}
        for kind, amounts in container.items()
        if amounts
    }
    spec = {"limits": [{"type": "Container", **said}]}
    return _save(LIMITS, cluster, namespace, name, spec, actor, take_over, dry_run, project)


def remove_policy(
    *, cluster: Cluster, namespace: str, kind: str, name: str, actor: Actor, project: Model | None = None
) -> None:
    """Delete a quota or limits that Slipway made.

    Raises:
        NotFound: there is none of that name, or this is neither.
        Conflict: others made it, or the cluster is in maintenance.
    """
    if kind not in (QUOTA, LIMITS):
        raise NotFound("object.missing")
    selectors.require_active(cluster)
    client = _client(cluster)
    live = client.find(kind, name, namespace)
    if live is None:
        raise NotFound("object.missing")
    _require_ours(_policy(live))
    client.delete(kind, name, namespace, uid=live["metadata"]["uid"])
    before = _flat(live.get("spec") or {})
    audit.record(
        actor=actor,
        action="namespace.remove",
        subject=cluster,
        project=project,
        namespace=namespace,
        object=f"{kind}/{name}",
        before=before,
    )


def create_namespace(*, cluster: Cluster, name: str, actor: Actor) -> str:
    """Create a namespace with Slipway's label on a cluster, and return its name.

    Raises:
        Conflict: it is there already, or the cluster is in maintenance.
        InvalidInput: this is no name for one.
    """
    selectors.require_active(cluster)
    client = _client(cluster)
    if client.find("Namespace", name) is not None:
        raise Conflict("namespace.exists", namespace=name)
    try:
        client.ensure_namespace(name, MANAGED)
    except Rejected as exc:
        raise InvalidInput("namespace.refused", fields={"name": [exc.message]}, message=exc.message) from exc
    audit.record(actor=actor, action="namespace.create", subject=cluster, namespace=name)
    return name


def _save(
    kind: str,
    cluster: Cluster,
    namespace: str,
    name: str,
    spec: Object,
    actor: Actor,
    take_over: bool,
    dry_run: bool,
    project: Model | None,
) -> list[Change]:
    selectors.require_active(cluster)
    client = _client(cluster)
    live = client.find(kind, name, namespace)
    if live is not None and not take_over:
        _require_ours(_policy(live))
    manifest: Object = {
        "apiVersion": "v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace, "labels": MANAGED},
        "spec": spec,
    }
    try:
        if dry_run or not take_over:
            client.apply(manifest, force=take_over, dry_run=dry_run)
        else:
            client.take_over(manifest)
    except AlreadyExists as exc:
        raise Conflict("namespace.changed_by_others", object=f"{kind}/{name}", message=exc.message) from exc
    except Missing as exc:
        raise Conflict("namespace.missing", namespace=namespace) from exc
    changes = _changes(_flat((live or {}).get("spec") or {}), _flat(spec))
    if not dry_run:
        audit.record(
            actor=actor,
            action="namespace.limit",
            subject=cluster,
            project=project,
            namespace=namespace,
            object=f"{kind}/{name}",
            changes={change.field: [change.before, change.after] for change in changes},
            taken_over=take_over,
        )
    return changes


def _client(cluster: Cluster) -> KubernetesClient:
    return providers.kubernetes(selectors.client_connection(cluster), timeout=TIMEOUT)


def _policy(item: Object) -> Policy:
    entries = item["metadata"].get("managedFields") or []
    managers = tuple(dict.fromkeys(each["manager"] for each in entries if not each.get("subresource")))
    ours = any(each.get("manager") == FIELD_MANAGER and each.get("operation") == "Apply" for each in entries)
    return Policy(item["kind"], item["metadata"]["name"], ours, managers, item.get("spec") or {}, _uses(item))


def _uses(item: Object) -> tuple[Use, ...]:
    used = (item.get("status") or {}).get("used") or {}
    hard = (item.get("spec") or {}).get("hard") or {}
    return tuple(
        Use(name, text, used.get(name, "0"), _percent(used.get(name, "0"), text)) for name, text in hard.items()
    )


def _percent(used: str, hard: str) -> int:
    most = quantity.parse(hard)
    return int(min(Decimal(999), quantity.parse(used) / most * 100)) if most else 100


def _require_ours(policy: Policy) -> None:
    if not policy.ours:
        raise Conflict(
            "namespace.of_others", object=f"{policy.kind}/{policy.name}", managers=", ".join(policy.managers) or "?"
        )


def _problem(resource: str, text: str) -> str:
    """Return what is wrong with an amount, empty where nothing is."""
    if not quantity.is_valid(text):
        return _word("namespace.no_quantity", value=text)
    value = quantity.parse(text)
    if value < 0:
        return _word("namespace.negative", value=text)
    if resource.startswith(_COUNTED) and value != value.to_integral_value():
        return _word("namespace.no_count", value=text)
    if resource.endswith("memory") and 0 < value < 2**20:
        return _word("namespace.tiny_memory", value=text, words=quantity.memory_words(text))
    return ""


def _contradictions(container: Mapping[str, Mapping[str, str]]) -> dict[str, list[str]]:
    """Return where amounts are out of order: min <= default request <= default <= max."""
    order = ("min", "defaultRequest", "default", "max")
    problems: dict[str, list[str]] = {}
    for resource in {name for amounts in container.values() for name in amounts}:
        said = [(kind, container[kind][resource]) for kind in order if resource in container.get(kind, {})]
        for (low, less), (high, more) in pairwise(said):
            if quantity.compare(less, more) > 0:
                word = _word("namespace.out_of_order", low=low, less=less, high=high, more=more)
                problems[f"{high}.{resource}"] = [word]
    return problems


def _flat(spec: Mapping[str, Any]) -> dict[str, str]:
    """Return the amounts of a quota or of limits by one name each."""
    flat = {name: str(text) for name, text in (spec.get("hard") or {}).items()}
    for item in spec.get("limits") or []:
        flat |= {
            f"{item['type']} {kind}.{resource}": str(text)
            for kind in KINDS_OF_LIMIT
            for resource, text in (item.get(kind) or {}).items()
        }
    return flat


def _changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[Change]:
    names: Sequence[str] = sorted(before.keys() | after.keys())
    pairs = [Change(name, before.get(name, ""), after.get(name, "")) for name in names]
    return [pair for pair in pairs if pair.before != pair.after]


def _word(code: str, **params: str) -> str:
    return messages.word(code, params).message
