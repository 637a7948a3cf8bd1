"""Make the plan of an order: the stored bytes of every target, a dry run of each, and the hash that approvals sign.

    render each target's set (stored once) -> dry run on all clusters side by side -> rows and hash in one transaction
A target that cannot be rendered or that its cluster refuses is part of the plan too: with its problem instead of bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from apps.applications.models import Target
from apps.clusters import breaker
from apps.clusters import selectors as clusters
from apps.core.errors import Blocked, InvalidInput, SlipwayError
from apps.deployments import selectors as deployments
from apps.manifests import sealing
from apps.manifests import selectors as manifests
from apps.manifests import services as rendering
from apps.registry import selectors as registry

from . import dryrun, selectors
from .models import PlannedTarget, ReleaseItem, ReleaseOrder


def draw_up(order: ReleaseOrder) -> list[PlannedTarget]:
    """Return the plan of an order as things are now, not saved. Stores rendered sets, asks clusters, changes nothing."""
    targets = list(
        Target.objects.filter(environment=order.environment)
        .select_related("cluster", "environment__project")
        .order_by("position", "id")
    )
    planned = [_render(item, target) for item in selectors.items_of(order) for target in targets]
    questions = [question for key, plan in enumerate(planned) if (question := _question(key, plan)) is not None]
    for key, problem in dryrun.ask(questions).items():
        _set_problem(planned[key], problem)
    return planned


def _render(item: ReleaseItem, target: Target) -> PlannedTarget:
    assert item.build is not None  # only a rollback may do without, and its plan is stored bytes
    plan = PlannedTarget(item=item, target=target, replaces=deployments.live_deployment(item.application, target))
    try:
        plan.manifest_set = rendering.render_for_target(
            application=item.application,
            target=target,
            revision=item.revision,
            image=registry.image_reference(item.application, item.build.image_digest),
        )
    except (InvalidInput, Blocked) as exc:
        _set_problem(plan, dryrun.Problem(exc.code, _plain(exc)))
    return plan


def _set_problem(plan: PlannedTarget, problem: dryrun.Problem | None) -> None:
    plan.problem_code = problem.code if problem else ""
    plan.problem_params = problem.params if problem else {}


def _plain(exc: SlipwayError) -> dict[str, Any]:
    params = {name: str(value) for name, value in exc.params.items()}
    if isinstance(exc, Blocked):
        params["blockers"] = ", ".join(code for code, _ in exc.blockers)
    return params


def _question(key: int, plan: PlannedTarget) -> dryrun.Question | None:
    """Return what to ask the cluster, or None where there is nothing to ask or it was found dead just now."""
    if plan.manifest_set is None:
        return None
    cluster = plan.target.cluster
    if breaker.seconds_until_try(cluster.pk):
        _set_problem(plan, dryrun.Problem("gate.cluster_unreachable", {"cluster": cluster.slug, "message": ""}))
        return None
    bound = manifests.bound_objects(plan.manifest_set)
    connection = clusters.client_connection(cluster)
    adopts = deployments.takes_over_adopted(plan.item.application, plan.target)
    return dryrun.Question(key, connection, plan.target.namespace, bound.objects, bound.redactor, adopts)


def hash_of(order: ReleaseOrder, planned: Sequence[PlannedTarget]) -> str:
    """Return what approvals sign, computed from the bytes themselves; empty where a target has none.

    It covers, for every target, the stored bytes, the HMAC of their secret values, the image, the revision's number and
    the wave.
    """
    digest = hashlib.sha256(b"slipway-release-1\0")
    digest.update(f"{order.environment_id}\n".encode())
    if not planned or any(plan.manifest_set is None for plan in planned):
        return ""
    for part in sorted(_part(plan) for plan in planned):
        digest.update("\0".join(map(str, part)).encode() + b"\n")
    return digest.hexdigest()


def _part(plan: PlannedTarget) -> tuple[int | str, ...]:
    stored, item = plan.manifest_set, plan.item
    assert stored is not None
    sealed = sealing.plan_hash(bytes(stored.content), stored.secret_fingerprint)
    part = (item.application_id, plan.target_id, stored.image_digest, sealed, item.revision.number)
    # The first wave says nothing, so that a plan of one wave has the hash it always had.
    return (*part, f"wave {item.wave}") if item.wave else part
