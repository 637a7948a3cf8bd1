"""The gates of a release order: each a question with a level, a code and parameters; worded when they are read.

`ok` lets through, `warn` lets through with a word of caution, `stop` does not let through. Only facts from the database
and the registry are asked here; whether clusters would take the objects is found out by the plan's dry run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any

from django.db.models import Count
from django.utils import timezone

from apps.applications.models import Application, Environment, Target
from apps.builds import presentation as builds
from apps.builds.models import Build, Finding
from apps.clusters import breaker
from apps.clusters import selectors as clusters
from apps.deployments import selectors as deployments
from apps.integrations.errors import IntegrationError
from apps.manifests import selectors as manifests
from apps.registry import selectors as registry

from . import selectors
from .models import PlannedTarget, ReleaseItem, ReleaseOrder, TestOrder


class Level(StrEnum):
    """Whether a gate lets through."""

    OK = "ok"
    WARN = "warn"
    STOP = "stop"


@dataclass(frozen=True)
class Gate:
    """The answer of one gate; `target` where it speaks of one, `application` where an order has several."""

    code: str
    level: Level
    params: dict[str, Any] = field(default_factory=dict)
    target: str = ""
    application: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, as they are stored."""
        return asdict(self)


def stopping(gates: Iterable[Gate]) -> list[tuple[str, dict[str, Any]]]:
    """Return the gates that do not let through, as blockers of an error."""
    return [(gate.code, gate.params) for gate in gates if gate.level == Level.STOP]


def evaluate(order: ReleaseOrder, planned: Sequence[PlannedTarget]) -> list[Gate]:
    """Return every gate of an order as it stands now; `planned` are the targets of its plan. Calls the registry."""
    if order.is_rollback:
        return going_back(planned)
    environment, now = order.environment, timezone.now()
    gates = [_freeze(environment, max(order.scheduled_for or now, now))]
    for item in {plan.item_id: plan.item for plan in planned}.values() or selectors.items_of(order):
        gates += _named(order, item, _item(item, environment))
    gates += _targets(environment, planned)
    for plan in planned:
        gates += _named(order, plan.item, _target(plan))
    return gates


def _named(order: ReleaseOrder, item: ReleaseItem, gates: Iterable[Gate]) -> Iterator[Gate]:
    """Say which application gates speak of, where there are several."""
    return (replace(gate, application=item.application.name) if order.has_several_items else gate for gate in gates)


def going_back(planned: Iterable[PlannedTarget]) -> list[Gate]:
    """Return the gates of bringing earlier versions back: as few as can be, for that must not wait. Calls the registry."""
    images: dict[tuple[int, str], Gate] = {}
    places: list[Gate] = []
    for plan in planned:
        assert plan.manifest_set is not None
        application, digest = plan.item.application, plan.manifest_set.image_digest
        if (application.pk, digest) not in images:
            images[application.pk, digest] = _image(application, digest, unchecked=Level.WARN)
        cluster, place = plan.target.cluster, str(plan.target)
        if cluster.in_maintenance:
            params = clusters.maintenance_params(cluster)
            places.append(Gate("gate.cluster_maintenance", Level.STOP, params, place))
        elif breaker.seconds_until_try(cluster.pk):
            params = {"cluster": cluster.slug, "message": ""}
            places.append(Gate("gate.cluster_unreachable", Level.WARN, params, place))
    return [*images.values(), *places]


def _item(item: ReleaseItem, environment: Environment) -> Iterator[Gate]:
    assert item.build is not None  # only a rollback may do without
    if item.application.archived_at is not None:
        yield Gate("gate.application_archived", Level.STOP, {"application": item.application.name})
    yield _scan(item.build, environment)
    yield _branch(item.build, environment)
    yield from _tests(item.application, item.build, environment)
    # Where the registry cannot be asked, a node could not pull either: going on would only fail later, on people's time.
    yield _image(item.application, item.build.image_digest, unchecked=Level.STOP)
    yield from _revision(item)


def _freeze(environment: Environment, moment: datetime) -> Gate:
    for window in environment.freeze_windows:
        if datetime.fromisoformat(window["from"]) <= moment < datetime.fromisoformat(window["until"]):
            return Gate("gate.frozen", Level.STOP, {"reason": window["reason"], "until": window["until"]})
    return Gate("gate.not_frozen", Level.OK)


def _scan(build: Build, environment: Environment) -> Gate:
    """Judge the scan: a build that broke its application's scan gate never succeeded, so here findings only warn."""
    if builds.was_not_scanned(build):
        level = Level.STOP if environment.stops_unscanned else Level.WARN
        return Gate("gate.not_scanned", level, {"build": build.number})
    found = Finding.objects.filter(build=build).values_list("severity").annotate(count=Count("id"))
    counts = dict(found.order_by())
    high, medium = counts.get("high", 0), counts.get("medium", 0)
    params = {"build": build.number, "high": high, "medium": medium}
    return Gate("gate.scan_findings", Level.WARN, params) if high else Gate("gate.scan_passed", Level.OK, params)


def _branch(build: Build, environment: Environment) -> Gate:
    allowed = environment.allowed_branches
    params = {"ref": build.ref, "allowed": ", ".join(allowed)}
    if not allowed:
        return Gate("gate.any_branch", Level.OK, params)
    # A tag or a commit is not a branch: where branches are named, only a build of one of them is let through.
    if build.ref_kind == "branch" and any(fnmatchcase(build.ref, glob) for glob in allowed):
        return Gate("gate.branch_allowed", Level.OK, params)
    return Gate("gate.branch_refused", Level.STOP, params)


def _tests(application: Application, build: Build, environment: Environment) -> Iterator[Gate]:
    test = selectors.latest_verdict(application, build.commit_sha)
    params: dict[str, Any] = {"sha": build.short_sha}
    if test is not None:
        params |= {"number": test.number, "by": test.decided_by_name, "note": test.verdict_note}
    needed = Level.STOP if environment.test_order_needed else Level.WARN
    if test is not None and test.verdict == TestOrder.Verdict.PASSED:
        yield Gate("gate.test_passed", Level.OK, params)
    elif test is not None:
        yield Gate("gate.test_failed", needed, params)
    elif environment.test_order_needed:
        yield Gate("gate.test_missing", Level.STOP, params)


def _image(application: Application, digest: str, *, unchecked: Level) -> Gate:
    params = {"digest": digest}
    try:
        exists = registry.image_exists(application, digest)
    except IntegrationError as exc:
        return Gate("gate.image_unchecked", unchecked, {**params, "message": exc.message})
    return Gate("gate.image_there", Level.OK, params) if exists else Gate("gate.image_gone", Level.STOP, params)


def _revision(item: ReleaseItem) -> Iterator[Gate]:
    latest = manifests.find_latest_revision(item.application)
    if latest is not None and latest.number > item.revision.number:
        yield Gate("gate.newer_deployyml", Level.WARN, {"number": item.revision.number, "latest": latest.number})


def _targets(environment: Environment, planned: Sequence[PlannedTarget]) -> list[Gate]:
    targets = set(Target.objects.filter(environment=environment).values_list("pk", flat=True))
    if not targets:
        return [Gate("gate.no_targets", Level.STOP, {"environment": environment.name})]
    if targets != {plan.target_id for plan in planned}:
        return [Gate("gate.targets_changed", Level.STOP, {"environment": environment.name})]
    return []


def _target(plan: PlannedTarget) -> Iterator[Gate]:
    target, cluster = plan.target, plan.target.cluster
    place = str(target)
    if cluster.in_maintenance:
        yield Gate("gate.cluster_maintenance", Level.STOP, clusters.maintenance_params(cluster), place)
    elif target.prepared_at is None:
        yield Gate("gate.target_unprepared", Level.STOP, {"target": place}, place)
    elif plan.problem_code:
        yield Gate(plan.problem_code, Level.STOP, plan.problem_params, place)
    elif breaker.seconds_until_try(cluster.pk):
        params = {"cluster": cluster.slug, "message": ""}
        yield Gate("gate.cluster_unreachable", Level.STOP, params, place)
    else:
        yield Gate("gate.cluster_takes_it", Level.OK, {"cluster": cluster.name}, place)
    yield from _abilities(plan)
    for found in plan.budget:
        yield Gate(found["code"], Level(found["level"]), found["params"], place)
    active = deployments.active_deployment(plan.item.application, target)
    if active is not None and active.release_item_id != plan.item_id:
        yield Gate("gate.target_busy", Level.WARN, {"number": active.number, "target": place}, place)
    if plan.deployment_id is None:
        yield from _scaled(plan)
    # Against what was live when the plan was made: the diff that people read speaks of that version.
    live = deployments.live_deployment(plan.item.application, target)
    if plan.deployment_id is None and (live.pk if live else None) != plan.replaces_id:
        yield Gate("gate.live_changed", Level.WARN, {"number": live.number if live else 0, "target": place}, place)


def _scaled(plan: PlannedTarget) -> Iterator[Gate]:
    """Say that the release sets the number of pods again where somebody scaled since the last one."""
    scaling = deployments.scaled_since(plan.item.application, plan.target)
    if scaling is not None:
        asked = scaling.parameters
        pods = str(asked["replicas"]) if "replicas" in asked else f"{asked['min']}-{asked['max']}"
        params = {"target": str(plan.target), "pods": pods, "by": scaling.created_by_name, "number": scaling.number}
        yield Gate("gate.scaled", Level.WARN, params, str(plan.target))


def _abilities(plan: PlannedTarget) -> Iterator[Gate]:
    """Yield what the objects want of a cluster that it was not found to have."""
    cluster, place = plan.target.cluster, str(plan.target)
    known = cluster.capabilities or {}
    for item in manifests.stored_objects(plan.manifest_set) if plan.manifest_set else ():
        if item["kind"] == "HorizontalPodAutoscaler" and known.get("metrics") is False:
            yield Gate("gate.no_metrics", Level.WARN, {"cluster": cluster.name}, place)
        wanted = item["spec"].get("ingressClassName") if item["kind"] == "Ingress" else None
        if wanted and known.get("ingress_classes") and wanted not in known["ingress_classes"]:
            params = {"cluster": cluster.name, "name": wanted, "known": ", ".join(known["ingress_classes"])}
            yield Gate("gate.no_ingress_class", Level.WARN, params, place)
