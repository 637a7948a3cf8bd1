"""Reads of deployments from the database. What the cluster says is `workloads`' to read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Prefetch, Q, QuerySet

from apps.applications.models import Application, Environment, Target
from apps.core.errors import NotFound
from apps.manifests import canonical
from apps.manifests import selectors as manifests

from .models import ACTIVE, DECIDING, VERSIONED, Deployment, DeploymentEntry, DeploymentStage, DriftWatch, Status
from .prune import NAMED_BY_CONTENT

LOOKED_BACK = 20
POINTS_KEPT = 10  # versions to go back to whose ConfigMaps and Secrets stay on the cluster

_REMOVAL = Deployment.Kind.REMOVAL
RELATED = (
    "application__project",
    "target__environment",
    "target__cluster",
    "build",
    "rollback_of",
    "supersedes",
    "created_by",
)


def list_deployments(application: Application, *, target: Target | None = None) -> QuerySet[Deployment]:
    """Return an application's deployments, newest first, on one target or all."""
    deployments = Deployment.objects.filter(application=application).select_related(*RELATED).order_by("-number")
    return deployments.filter(target=target) if target else deployments


def get_deployment(application: Application, number: int) -> Deployment:
    """Return one deployment with its stages and timeline.

    Raises:
        NotFound: there is none of that number.
    """
    deployment = (
        Deployment.objects.filter(application=application, number=number)
        .select_related(*RELATED)
        .prefetch_related(
            Prefetch("entries", DeploymentEntry.objects.order_by("id")),
            Prefetch("stages", DeploymentStage.objects.select_related("manifest_set__revision").order_by("position")),
        )
        .first()
    )
    if deployment is None:
        raise NotFound("object.missing")
    return deployment


def live_deployment(application: Application, target: Target) -> Deployment | None:
    """Return what was last brought to a target successfully: the version that is meant to run there, if any is."""
    last = list_versions(application, target=target).filter(status=Status.SUCCEEDED).order_by("-id").first()
    return last if last is not None and last.brings_version else None


def list_versions(application: Application, *, target: Target | None = None) -> QuerySet[Deployment]:
    """Return the deployments that decide which version is there, newest first: operations on it are left out."""
    return list_deployments(application, target=target).filter(kind__in=DECIDING)


def last_applied(application: Application, target: Target) -> Deployment | None:
    """Return the deployment whose stored bytes a cluster got last, whether they ran well or not; None once removed."""
    sent = Q(first_accepted_at__isnull=False, kind__in=VERSIONED) | Q(status=Status.SUCCEEDED)
    last = list_versions(application, target=target).filter(sent).order_by("-id").first()
    return last if last is not None and last.brings_version else None


def list_drift_watches(application: Application) -> QuerySet[DriftWatch]:
    """Return what is known about drift on each target of an application, in the order of its environments."""
    return (
        DriftWatch.objects.filter(application=application)
        .select_related("application__project", "target__environment", "target__cluster", "deployment")
        .order_by("target__environment__position", "target__environment_id", "target__position", "target_id")
    )


def get_drift_watch(application: Application, target: Target) -> DriftWatch:
    """Return what is known about drift on one target.

    Raises:
        NotFound: nothing was deployed there yet.
    """
    watch = list_drift_watches(application).filter(target=target).first()
    if watch is None:
        raise NotFound("drift.nothing_deployed", target=str(target))
    return watch


def drifted_places(application_ids: Iterable[int]) -> set[tuple[int, int]]:
    """Return the (application, target) pairs on which a drift was found."""
    found = DriftWatch.objects.filter(application_id__in=list(application_ids), status=DriftWatch.Status.FOUND)
    return set(found.values_list("application_id", "target_id"))


def active_deployment(application: Application, target: Target) -> Deployment | None:
    """Return the deployment that is going on there, if any."""
    return (
        Deployment.objects.filter(application=application, target=target, status__in=ACTIVE)
        .select_related(*RELATED)
        .first()
    )


def find_newer(deployment: Deployment) -> Deployment | None:
    """Return the newest version of the same application and target where it is a later one: the page says so."""
    return list_versions(deployment.application, target=deployment.target).filter(number__gt=deployment.number).first()


def rollback_points(application: Application, target: Target, *, limit: int = 50) -> list[Deployment]:
    """Return the versions one can go back to: what succeeded on that target, newest first, one entry for the same bytes.

    The version that is live and undisturbed is left out: rolling back to it would change nothing. That the same bytes ran
    badly in an earlier deployment is said of the entry too.
    """
    seen: dict[str, Deployment] = {}
    points: list[Deployment] = []
    succeeded = list_deployments(application, target=target).filter(status=Status.SUCCEEDED, kind__in=VERSIONED)
    newest = list_versions(application, target=target).first()
    stages = DeploymentStage.objects.select_related("manifest_set").defer("manifest_set__content")
    for deployment in succeeded.prefetch_related(Prefetch("stages", stages))[: limit * 4]:
        content = final_stage(deployment).manifest_set.sha256
        known = seen.setdefault(content, deployment)
        if known is not deployment:
            known.afterwards = known.afterwards or deployment.afterwards
            continue
        if newest is not None and deployment.pk == newest.pk:
            continue
        points.append(deployment)
        if len(points) == limit:
            break
    return points


def paused_there(application: Application, target: Target) -> Deployment | None:
    """Return the deployment that ended while its rollout was held, where nothing has let that go on since."""
    return list_deployments(application, target=target).filter(rollout_paused=True).first()


def scaled_since(application: Application, target: Target) -> Deployment | None:
    """Return the scaling that still holds on a target: the last one since a version went there, which sets its own number."""
    last = list_versions(application, target=target).first()
    scalings = list_deployments(application, target=target).filter(
        kind=Deployment.Kind.SCALE, status=Status.SUCCEEDED, number__gt=last.number if last else 0
    )
    return scalings.first()


def takes_over_adopted(application: Application, target: Target) -> bool:
    """Return whether the next release takes over what was adopted there: until one has succeeded, that was agreed to."""
    adoption = manifests.find_adoption(application, target)
    if adoption is None:
        return False
    since = list_versions(application, target=target).filter(created_at__gte=adoption.created_at)
    return not since.filter(status=Status.SUCCEEDED).exists()


def adopted_from(deployment: Deployment) -> list[str]:
    """Return who wrote what was adopted where a deployment goes, for the one that takes it over; else nobody."""
    adoption = manifests.find_adoption(deployment.application, deployment.target)
    return list(adoption.managers) if adoption is not None and deployment.take_over_fields else []


def trouble_of_bytes(deployment: Deployment) -> Deployment | None:
    """Return the newest deployment of the same bytes there that ran badly after it had succeeded, perhaps this one."""
    sha256 = final_stage(deployment).manifest_set.sha256
    return (
        list_versions(deployment.application, target=deployment.target)
        .filter(stages__manifest_set__sha256=sha256)
        .exclude(afterwards={})
        .first()
    )


def was_autoscaled(deployment: Deployment) -> bool:
    """Return whether something that was sent to the target since the last version that ran well had an autoscaler."""
    earlier = DeploymentStage.objects.filter(
        deployment__application=deployment.application_id,
        deployment__target=deployment.target_id,
        deployment__number__lt=deployment.number,
    ).order_by("-deployment__number", "-position")
    for status, content in earlier.values_list("deployment__status", "manifest_set__content")[:LOOKED_BACK]:
        # Canonical bytes have no spaces, and quotes in texts are escaped: this can only be an object's kind.
        if b'"kind":"HorizontalPodAutoscaler","metadata"' in bytes(content):
            return True
        if status == Status.SUCCEEDED:
            return False
    return False


def kept_names(application: Application, target: Target) -> set[tuple[str, str]]:
    """Return kind and name of the ConfigMaps and Secrets that the newest versions to go back to came with."""
    stages = (
        DeploymentStage.objects.filter(
            deployment__application=application, deployment__target=target, deployment__status=Status.SUCCEEDED
        )
        .order_by("-deployment__number")
        .values_list("manifest_set__sha256", "manifest_set__content")
    )
    versions: dict[str, bytes] = {}
    for sha256, content in stages[: POINTS_KEPT * 4].iterator():
        versions.setdefault(sha256, bytes(content))
        if len(versions) > POINTS_KEPT:
            break
    objects = [item for content in versions.values() for item in canonical.decode(content)]
    return {(item["kind"], item["metadata"]["name"]) for item in objects if item["kind"] in NAMED_BY_CONTENT}


def is_first_there(deployment: Deployment) -> bool:
    """Return whether nothing of its application was ever sent to its target before."""
    there = Deployment.objects.filter(application=deployment.application_id, target=deployment.target_id)
    return not there.filter(first_accepted_at__isnull=False).exclude(pk=deployment.pk).exists()


def final_stage(deployment: Deployment) -> DeploymentStage:
    """Return the stage whose manifest set is what the deployment ends with."""
    return max(deployment.stages.all(), key=lambda stage: stage.position)


@dataclass(frozen=True)
class Cell:
    """What the matrix says about one target: what is live, what goes on, and the last attempt."""

    target: Target
    live: Deployment | None
    active: Deployment | None
    last: Deployment | None
    drifted: bool = False

    @property
    def trouble(self) -> Deployment | None:
        """Return the last attempt where it did not end well and nothing newer goes on."""
        if self.active is None and self.last is not None and self.last.status in (Status.FAILED, Status.ERRORED):
            return self.last
        return None

    @property
    def counted(self) -> Deployment | None:
        """Return what knows best how many pods there are: an operation on the live version, or that version itself."""
        done = self.last is not None and self.last.status == Status.SUCCEEDED
        return self.last if done and self.live is not None else self.live

    @property
    def is_removed(self) -> bool:
        """Return whether the application was taken off: it is as if it had never been there, and its history stays."""
        return (
            self.live is None
            and self.active is None
            and self.last is not None
            and self.last.kind == _REMOVAL
            and (self.last.status == Status.SUCCEEDED)
        )


def _latest(application_ids: Iterable[int], **conditions: object) -> dict[tuple[int, int], Deployment]:
    rows = (
        Deployment.objects.filter(application_id__in=list(application_ids), **conditions)
        .order_by("application_id", "target_id", "-id")
        .distinct("application_id", "target_id")
        .select_related(*RELATED)
    )
    return {(row.application_id, row.target_id): row for row in rows}


def matrix(applications: Iterable[Application], environments: Iterable[Environment]) -> dict[int, list[Cell]]:
    """Return for each application (by primary key) a cell per target of `environments`, in four queries for all.

    Give environments with `targets` prefetched (each with its cluster).
    """
    ids = [application.pk for application in applications]
    decided = _latest(ids, status=Status.SUCCEEDED, kind__in=DECIDING)
    live = {place: row for place, row in decided.items() if row.brings_version}
    active = _latest(ids, status__in=ACTIVE)
    last = _latest(ids)
    drifted = drifted_places(ids)
    targets = [target for environment in environments for target in environment.targets.all()]
    return {
        pk: [
            Cell(
                target,
                live.get((pk, target.pk)),
                active.get((pk, target.pk)),
                last.get((pk, target.pk)),
                (pk, target.pk) in drifted,
            )
            for target in targets
        ]
        for pk in ids
    }
