"""Make the plan of an order: the stored bytes of every target, a dry run of each, and the hash that approvals sign.

    render each target's set (stored once) -> dry run on all clusters side by side -> rows and hash in one transaction
A target that cannot be rendered or that its cluster refuses is part of the plan too: with its problem instead of bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from apps.applications.models import Target
from apps.core.errors import Blocked, InvalidInput, SlipwayError
from apps.deployments import preview, refusals
from apps.deployments import selectors as deployments
from apps.deployments.refusals import Refusal
from apps.manifests import sealing
from apps.manifests import services as rendering
from apps.manifests.sealing import UnboundSecret
from apps.registry import selectors as registry

from . import capacity, selectors
from .models import PlannedTarget, ReleaseItem, ReleaseOrder

# Whether fields that others own are taken over, by application and target: only what was decided about is in it.
Decisions = Mapping[tuple[int, int], bool]


def draw_up(order: ReleaseOrder, decisions: Decisions | None = None) -> list[PlannedTarget]:
    """Return the plan of an order as things are now, not saved. Stores rendered sets, asks clusters, changes nothing.

    What was decided about conflicts in the plan before stays decided, but for `decisions`.
    """
    targets = list(
        Target.objects.filter(environment=order.environment)
        .select_related("cluster", "environment__project")
        .order_by("position", "id")
    )
    planned = [_render(item, target) for item in selectors.items_of(order) for target in targets]
    decided = {**selectors.decided_take_overs(order), **(decisions or {})}
    for plan in planned:
        application = plan.item.application
        # What was adopted is others' until its first release; that it is taken over was agreed to with the adoption.
        adopted = deployments.takes_over_adopted(application, plan.target)
        plan.take_over_fields = decided.get((application.pk, plan.target_id), adopted)
    asked = [(plan, question) for plan in planned if (question := _question(plan)) is not None]
    answers = preview.ask_all([question for _, question in asked])
    for (plan, _), answer in zip(asked, answers, strict=True):
        _take_in(plan, answer)
    capacity.look(planned)
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
        _set_problem(plan, (exc.code, _plain(exc)))
    return plan


def _set_problem(plan: PlannedTarget, problem: Refusal | None) -> None:
    plan.problem_code, plan.problem_params = problem or ("", {})


def _take_in(plan: PlannedTarget, answer: preview.SetPreview) -> None:
    """Keep what the cluster said; conflicts stop a target until somebody decides to take the fields over."""
    plan.preview = answer.as_dict()
    conflicts = refusals.of_conflicts(answer.conflicts) if answer.conflicts and not plan.take_over_fields else None
    _set_problem(plan, answer.problem or conflicts)


def _plain(exc: SlipwayError) -> dict[str, Any]:
    params = {name: str(value) for name, value in exc.params.items()}
    if isinstance(exc, Blocked):
        params["blockers"] = ", ".join(code for code, _ in exc.blockers)
    return params


def _question(plan: PlannedTarget) -> preview.Question | None:
    """Return what to ask the cluster, or None where there is nothing to ask or it was found dead just now."""
    if plan.manifest_set is None:
        return None
    try:
        question = preview.question(plan.manifest_set, plan.target)
    except UnboundSecret as exc:
        _set_problem(plan, ("apply.secret_missing", {"reference": exc.reference}))
        return None
    if question is None:
        _set_problem(plan, (preview.UNREACHABLE, {"cluster": plan.target.cluster.slug, "message": ""}))
    return question


def hash_of(order: ReleaseOrder, planned: Sequence[PlannedTarget]) -> str:
    """Return what approvals sign, computed from the bytes themselves; empty where a target has none.

    It covers, for every target, the stored bytes, the HMAC of their secret values, the image, the revision's number,
    the wave, and whether fields are taken over from others.
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
    part: tuple[int | str, ...] = (
        item.application_id,
        plan.target_id,
        stored.image_digest,
        sealed,
        item.revision.number,
    )
    # What is not said adds nothing: a plan of one wave that takes nothing over has the hash it always had.
    part += (f"wave {item.wave}",) if item.wave else ()
    return (*part, "take over") if plan.take_over_fields else part
