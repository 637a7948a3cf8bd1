"""Ask the clusters of a plan whether its pods would fit: quotas, limits and nodes, read side by side and judged purely.

Applications that go to one namespace together are judged together. What cannot be read stops nothing: it is said.
No database is used in the threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

import msgspec

from apps.clusters import breaker
from apps.clusters import selectors as clusters
from apps.deployments.budget.findings import WARN, Finding
from apps.deployments.budget.judging import Change, count_key, judge
from apps.deployments.budget.nodes import Room, room_of
from apps.deployments.preview import UNREACHABLE
from apps.integrations import providers
from apps.integrations.calls import Timeout
from apps.integrations.connection import ClusterConnection
from apps.integrations.errors import IntegrationError, Missing
from apps.integrations.kubernetes.client import KubernetesClient
from apps.manifests import selectors as manifests

from .models import PlannedTarget

Object = dict[str, Any]

SIDE_BY_SIDE = 8
TIMEOUT = Timeout(connect=2.0, read=5.0)  # somebody looks at the page
# All pods of a cluster are read to know what its nodes have left; of a big one that is too much for a rough word.
MOST_NODES = 30


class _Pod(msgspec.Struct):
    spec: dict[str, Any] = {}
    status: dict[str, Any] = {}


@dataclass(frozen=True, repr=False)
class _Question:
    """One namespace, and what is to go there."""

    connection: ClusterConnection
    namespace: str
    changes: Sequence[tuple[str, Sequence[Object]]]  # application and objects, secrets as references


def look(planned: Sequence[PlannedTarget]) -> None:
    """Fill in the budget of the targets of a plan, at the first of those that share one."""
    groups: dict[int, list[PlannedTarget]] = {}
    for plan in planned:
        away = plan.problem_code == UNREACHABLE or breaker.seconds_until_try(plan.target.cluster_id)
        if plan.manifest_set is not None and not away:
            groups.setdefault(plan.target_id, []).append(plan)
    if not groups:
        return
    questions = [_question(group) for group in groups.values()]
    with ThreadPoolExecutor(max_workers=min(SIDE_BY_SIDE, len(questions))) as pool:
        for group, findings in zip(groups.values(), pool.map(_judge, questions), strict=True):
            group[0].budget = [asdict(finding) for finding in findings]


def _question(group: Sequence[PlannedTarget]) -> _Question:
    target = group[0].target
    changes = [
        (plan.item.application.name, manifests.stored_objects(plan.manifest_set))
        for plan in group
        if plan.manifest_set is not None
    ]
    return _Question(clusters.client_connection(target.cluster), target.namespace, changes)


def _judge(question: _Question) -> list[Finding]:
    client = providers.kubernetes(question.connection, timeout=TIMEOUT)
    try:
        quotas = client.list_objects("ResourceQuota", question.namespace).items
        limit_ranges = client.list_objects("LimitRange", question.namespace).items
        counted = {name for quota in quotas for name in (quota.get("spec") or {}).get("hard") or {}}
        changes = [
            Change(name, objects, _there(client, question.namespace, objects, counted))
            for name, objects in question.changes
        ]
        return judge(changes, quotas, limit_ranges, _room(client))
    except Missing:
        return []  # no such namespace: the dry run has said so
    except IntegrationError as exc:
        return [Finding("budget.unread", WARN, {"cluster": question.connection.name, "message": exc.message})]


def _there(client: KubernetesClient, namespace: str, objects: Sequence[Object], counted: set[str]) -> list[Object]:
    """Return those objects that are there now: the workloads, and the kinds that a quota counts."""
    asked = [item for item in objects if item["kind"] == "Deployment" or _counts(count_key(item), counted)]
    found = [client.find(item["kind"], item["metadata"]["name"], namespace) for item in asked]
    # What no quota counts is taken for there: it adds nothing.
    return [item for item in found if item is not None] + [item for item in objects if item not in asked]


def _counts(key: str, counted: set[str]) -> bool:
    return key in counted or f"count/{key}" in counted


def _room(client: KubernetesClient) -> Room | None:
    """Return what the nodes have left; None where the cluster is big, or where we may not look."""
    try:
        nodes = client.list_objects("Node").items
        if not nodes or len(nodes) > MOST_NODES:
            return None
        pods = client.list_objects("Pod", into=_Pod).items
    except IntegrationError:
        return None
    return room_of(nodes, [{"spec": pod.spec, "status": pod.status} for pod in pods])
