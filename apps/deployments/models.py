"""Deployments: stored bytes brought to a target, their stages, and the timeline of what happened."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.applications.models import Application, Target
from apps.applications.secrecy import redactor_for
from apps.builds.models import Build
from apps.clusters.selectors import client_connection
from apps.core.lifecycle import Lifecycle
from apps.core.masking import Redact
from apps.manifests.models import ManifestSet


class Status(models.TextChoices):
    """Where a deployment is. `failed` is the user's (the version does not run), `errored` is ours."""

    PENDING = "pending", _("Pending")
    APPLYING = "applying", _("Applying")
    PROGRESSING = "progressing", _("Rolling out")
    PAUSED = "paused", _("Paused")
    SUCCEEDED = "succeeded", _("Succeeded")
    FAILED = "failed", _("Failed")
    ERRORED = "errored", _("Errored")
    CANCELED = "canceled", _("Canceled")
    SUPERSEDED = "superseded", _("Superseded")


ACTIVE = (Status.PENDING, Status.APPLYING, Status.PROGRESSING, Status.PAUSED)


class Deployment(Lifecycle):
    """One application brought to a version on one target, or an operation on the version that is there already."""

    class Kind(models.TextChoices):
        DEPLOY = "deploy", _("Release")
        ROLLBACK = "rollback", _("Rollback")
        RESTART = "restart", _("Restart")
        SCALE = "scale", _("Scaling")
        REMOVAL = "removal", _("Removal")
        REAPPLY = "reapply", _("Re-apply")

    NOUN = "deployment"
    ADVANCE = "deployments.advance"
    QUOTING = Lifecycle.QUOTING | {"evidence", "afterwards"}
    TRANSITIONS = {
        Status.PENDING: frozenset({Status.APPLYING, Status.CANCELED, Status.SUPERSEDED, Status.FAILED, Status.ERRORED}),
        Status.APPLYING: frozenset(
            {Status.PROGRESSING, Status.FAILED, Status.CANCELED, Status.SUPERSEDED, Status.ERRORED}
        ),
        Status.PROGRESSING: frozenset(
            {
                Status.APPLYING,
                Status.PAUSED,
                Status.SUCCEEDED,
                Status.FAILED,
                Status.CANCELED,
                Status.SUPERSEDED,
                Status.ERRORED,
            }
        ),
        Status.PAUSED: frozenset(
            {
                Status.APPLYING,
                Status.PROGRESSING,
                Status.FAILED,
                Status.CANCELED,
                Status.SUPERSEDED,
                Status.ERRORED,
            }
        ),
        Status.SUCCEEDED: frozenset(),
        Status.FAILED: frozenset(),
        Status.ERRORED: frozenset(),
        Status.CANCELED: frozenset(),
        Status.SUPERSEDED: frozenset(),
    }

    status = models.CharField(max_length=20, choices=Status.choices, default=Status.PENDING)
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="deployments")
    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="deployments")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.DEPLOY)
    build = models.ForeignKey(Build, on_delete=models.PROTECT, null=True, related_name="deployments")
    rollback_of = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="rolled_back_by")
    supersedes = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="superseded_by")
    release_item_id = models.BigIntegerField(null=True)  # releases are above: they look us up, we only keep the number
    note = models.CharField(max_length=500, blank=True, default="")
    take_over_fields = models.BooleanField(default=False)  # a person decided to take fields from other managers
    parameters = models.JSONField(default=dict, blank=True)  # of an operation: the pods, the number, the objects
    pause_wanted = models.BooleanField(null=True)  # what a person asked for last and no step has done yet, or holds
    rollout_paused = models.BooleanField(default=False)  # our pause is on the cluster, perhaps also after the end
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_by_name = models.CharField(max_length=150)
    stage_position = models.PositiveSmallIntegerField(default=0)
    applied_objects = models.PositiveSmallIntegerField(default=0)
    total_objects = models.PositiveSmallIntegerField(default=0)
    first_accepted_at = models.DateTimeField(null=True, blank=True)
    ready = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    wanted = models.PositiveIntegerField(default=0)
    cause_code = models.CharField(max_length=80, blank=True, default="")
    cause_params = models.JSONField(default=dict, blank=True)
    evidence = models.JSONField(default=dict, blank=True)  # pod, container, exit code, last lines
    rules = models.JSONField(default=dict, blank=True)  # when to give up, as they were when it was asked for
    serving = models.JSONField(null=True, blank=True)  # what was found to serve after it ended badly
    afterwards = models.JSONField(default=dict, blank=True)  # how it ran badly soon after it succeeded

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["application", "number"], name="deployment_number"),
            models.UniqueConstraint(
                fields=["application", "target"], condition=models.Q(status__in=ACTIVE), name="one_active_deployment"
            ),
            models.CheckConstraint(
                condition=~models.Q(kind="rollback") | models.Q(rollback_of__isnull=False),
                name="rollback_names_its_version",
            ),
        ]
        indexes = [models.Index(fields=["application", "target", "-id"], name="deployment_history")]

    def __str__(self) -> str:
        return f"{self.application.slug} #{self.number}"

    def get_absolute_url(self) -> str:
        """Return the address of its page."""
        return f"{self.application.get_absolute_url()}deployments/{self.number}/"

    @property
    def brings_version(self) -> bool:
        """Return whether it applies stored bytes; an operation leaves the version as it is."""
        return self.kind in VERSIONED

    @property
    def can_pause(self) -> bool:
        """Return whether there is a rollout that can be held: numbers change also while one is."""
        return not self.is_final and self.kind in PAUSABLE

    def live_topics(self) -> list[str]:
        """Return the topics of the pages that show it."""
        return [f"application:{self.application_id}", f"project:{self.application.project_id}"]

    def event_project_id(self) -> int:
        """Return its project."""
        return int(self.application.project_id)

    def make_redactor(self) -> Redact:
        """Return what masks the secret values of its application and the credential of its cluster."""
        secrets = redactor_for(self.application)
        return secrets | client_connection(self.target.cluster).redactor

    def event_payload(self) -> dict[str, Any]:
        """Return what subscribers need to know."""
        return {
            "number": self.number,
            "kind": self.kind,
            "target": self.target_id,
            "release_item_id": self.release_item_id,
            "cause": self.cause_code,
        }


# What carries a version; what decides which version is meant to run; what has a rollout to hold.
VERSIONED = (Deployment.Kind.DEPLOY, Deployment.Kind.ROLLBACK, Deployment.Kind.REAPPLY)
DECIDING = (*VERSIONED, Deployment.Kind.REMOVAL)
PAUSABLE = (*VERSIONED, Deployment.Kind.RESTART)


class DeploymentStage(models.Model):
    """One step of a deployment: a stored manifest set that is applied and followed until it is complete."""

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="stages")
    position = models.PositiveSmallIntegerField()
    manifest_set = models.ForeignKey(ManifestSet, on_delete=models.PROTECT, related_name="stages")
    applied_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["deployment", "position"], name="stage_position")]

    def __str__(self) -> str:
        return f"{self.deployment} stage {self.position}"


class DeploymentEntry(models.Model):
    """One line of a deployment's timeline: a code and parameters, worded when read."""

    class Level(models.TextChoices):
        INFO = "info", _("Information")
        WARNING = "warning", _("Warning")
        ERROR = "error", _("Error")

    deployment = models.ForeignKey(Deployment, on_delete=models.CASCADE, related_name="entries")
    at = models.DateTimeField(default=timezone.now)
    level = models.CharField(max_length=10, choices=Level.choices, default=Level.INFO)
    code = models.CharField(max_length=80)
    params = models.JSONField(default=dict)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.code


class Aftercare(Lifecycle):
    """A light look, now and then in the first minutes, at a version that succeeded: a leak or a crash may come later."""

    class Status(models.TextChoices):
        WATCHING = "watching", _("Watching")
        UNWELL = "unwell", _("Runs badly")
        QUIET = "quiet", _("Nothing happened")
        ENDED = "ended", _("Ended")  # by a newer version, or because the cluster could not be asked

    NOUN = "aftercare"
    ADVANCE = "deployments.look_after"
    ERRORED = FAILED = "ended"
    TRANSITIONS = {
        Status.WATCHING: frozenset({Status.UNWELL, Status.QUIET, Status.ENDED}),
        Status.UNWELL: frozenset({Status.ENDED}),
        Status.QUIET: frozenset(),
        Status.ENDED: frozenset(),
    }

    status = models.CharField(max_length=20, choices=Status.choices, default=Status.WATCHING)
    deployment = models.OneToOneField(Deployment, on_delete=models.CASCADE, related_name="aftercare")
    looks = models.PositiveSmallIntegerField(default=0)

    def __str__(self) -> str:
        return f"aftercare of {self.deployment_id}"

    def live_topics(self) -> list[str]:
        """Return the topics of the pages that show it: the deployment's own and its application's."""
        return [f"deployment:{self.deployment_id}", *self.deployment.live_topics()]

    def event_project_id(self) -> int:
        """Return its project."""
        return self.deployment.event_project_id()

    def event_payload(self) -> dict[str, Any]:
        """Return what subscribers need to know."""
        return {**self.deployment.event_payload(), "cause": self.deployment.afterwards.get("code", "")}


class DriftWatch(Lifecycle):
    """One application on one target: whether what is live there is what was last deployed, looked at now and then.

    Its status is the finding, so `drift.found` is the event of the first difference; nothing ends but by deletion.
    """

    class Status(models.TextChoices):
        UNKNOWN = "unknown", _("Not compared")
        CLEAN = "clean", _("As deployed")
        FOUND = "found", _("Drifted")
        BROKEN = "broken", _("Cannot be compared")  # our fault: it rests for long before the next try

    NOUN = "drift"
    ADVANCE = "deployments.check_drift"
    ERRORED = FAILED = "broken"
    TRANSITIONS = {
        Status.UNKNOWN: frozenset({Status.CLEAN, Status.FOUND, Status.BROKEN}),
        Status.CLEAN: frozenset({Status.UNKNOWN, Status.FOUND, Status.BROKEN}),
        Status.FOUND: frozenset({Status.UNKNOWN, Status.CLEAN, Status.BROKEN}),
        Status.BROKEN: frozenset({Status.UNKNOWN}),
    }

    status = models.CharField(max_length=20, choices=Status.choices, default=Status.UNKNOWN)
    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="drift_watches")
    target = models.ForeignKey(Target, on_delete=models.CASCADE, related_name="drift_watches")
    deployment = models.ForeignKey(Deployment, on_delete=models.SET_NULL, null=True, related_name="+")  # compared with
    checked_at = models.DateTimeField(null=True, blank=True)
    findings = models.JSONField(default=list, blank=True)  # `ObjectDrift`s as plain values

    class Meta:
        constraints = [models.UniqueConstraint(fields=["application", "target"], name="one_drift_watch")]

    def __str__(self) -> str:
        return f"drift of {self.application_id} on {self.target_id}"

    def live_topics(self) -> list[str]:
        """Return the topics of the pages that show it."""
        return [f"application:{self.application_id}"]

    def event_project_id(self) -> int:
        """Return its project."""
        return int(self.application.project_id)

    def event_payload(self) -> dict[str, Any]:
        """Return what subscribers need to know: which objects, never what is in them."""
        return {
            "application": self.application_id,
            "target": self.target_id,
            "deployment": self.deployment_id,
            "objects": [f"{finding['kind']}/{finding['name']}" for finding in self.findings],
        }
