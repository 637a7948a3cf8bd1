"""Release orders, their frozen plans and approvals, and test orders.

An order has items (one application each, in waves), an item has a plan for each target: the stored bytes that will be
applied there. Numbers are per application, like those of builds and deployments.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from apps.applications.models import Application, Environment, Target
from apps.builds.models import Build
from apps.core.lifecycle import Lifecycle
from apps.deployments.models import Deployment
from apps.deployments.models import Status as DeploymentStatus
from apps.manifests.models import DeployYmlRevision, ManifestSet


class Status(models.TextChoices):
    """Where a release order is."""

    DRAFT = "draft", _("Draft")
    SUBMITTED = "submitted", _("Waiting for approval")
    APPROVED = "approved", _("Approved")
    SCHEDULED = "scheduled", _("Scheduled")
    EXECUTING = "executing", _("Executing")
    PAUSED = "paused", _("Paused")
    SUCCEEDED = "succeeded", _("Succeeded")
    FAILED = "failed", _("Failed")
    REJECTED = "rejected", _("Rejected")
    CANCELED = "canceled", _("Canceled")


MOST_WAVES = 20
PLANNABLE = (Status.DRAFT, Status.SUBMITTED, Status.APPROVED, Status.SCHEDULED)


class ReleaseOrder(Lifecycle):
    """What is to be released to an environment, who agreed, and how it went."""

    class Kind(models.TextChoices):
        RELEASE = "release", _("Release")
        ROLLBACK = "rollback", _("Rollback")

    class Start(models.TextChoices):
        AT_ONCE = "at_once", _("As soon as it is approved")
        BY_HAND = "by_hand", _("When somebody starts it")

    NOUN = "release"
    ADVANCE = "releases.advance"
    ERRORED = "failed"
    TRANSITIONS = {
        Status.DRAFT: frozenset({Status.SUBMITTED, Status.CANCELED}),
        Status.SUBMITTED: frozenset({Status.APPROVED, Status.REJECTED, Status.CANCELED}),
        # Back to submitted: the plan was made again, or the environment asks for more approvals than before.
        Status.APPROVED: frozenset(
            {Status.SUBMITTED, Status.SCHEDULED, Status.EXECUTING, Status.REJECTED, Status.CANCELED, Status.FAILED}
        ),
        Status.SCHEDULED: frozenset(
            {Status.SUBMITTED, Status.APPROVED, Status.EXECUTING, Status.REJECTED, Status.CANCELED, Status.FAILED}
        ),
        Status.EXECUTING: frozenset({Status.PAUSED, Status.SUCCEEDED, Status.FAILED, Status.CANCELED}),
        Status.PAUSED: frozenset({Status.EXECUTING, Status.FAILED, Status.CANCELED}),
        Status.SUCCEEDED: frozenset(),
        Status.FAILED: frozenset(),
        Status.REJECTED: frozenset(),
        Status.CANCELED: frozenset(),
    }

    status = models.CharField(max_length=20, choices=Status.choices, default=Status.DRAFT)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.RELEASE)
    # The first of its applications: its counter gives the number, and its page is where the order stands.
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="release_orders")
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, related_name="release_orders")
    number = models.PositiveIntegerField()
    note = models.CharField(max_length=500, blank=True, default="")
    start = models.CharField(max_length=10, choices=Start.choices, default=Start.AT_ONCE)
    scheduled_for = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_by_name = models.CharField(max_length=150)
    submitted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    submitted_by_name = models.CharField(max_length=150, blank=True, default="")
    submitted_at = models.DateTimeField(null=True, blank=True)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    started_by_name = models.CharField(max_length=150, blank=True, default="")
    plan_hash = models.CharField(max_length=64, blank=True, default="")  # what approvals sign; empty: no whole plan
    planned_at = models.DateTimeField(null=True, blank=True)
    gates = models.JSONField(default=list)  # [{"code", "level", "params", "target", "application"}], worded when read
    rolls_back = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="rollbacks")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["application", "number"], name="release_number"),
            models.CheckConstraint(
                condition=models.Q(status__in=["draft", "canceled"]) | ~models.Q(plan_hash=""),
                name="submitted_has_frozen_plan",
            ),
            models.CheckConstraint(
                condition=models.Q(kind="release") | models.Q(rolls_back__isnull=False),
                name="rollback_names_its_order",
            ),
        ]
        indexes = [models.Index(fields=["status", "-id"], name="release_status")]

    def __str__(self) -> str:
        return f"{self.application.slug} release {self.number}"

    def get_absolute_url(self) -> str:
        """Return the address of its page."""
        return f"{self.application.get_absolute_url()}releases/{self.number}/"

    @property
    def approvals_needed(self) -> int:
        """Return how many people must agree: what the environment asks for now. Going back waits for nobody."""
        return 0 if self.is_rollback else int(self.environment.approvals_needed)

    @property
    def is_rollback(self) -> bool:
        """Return whether it takes another order back."""
        return self.kind == self.Kind.ROLLBACK

    @cached_property
    def has_several_items(self) -> bool:
        """Return whether it releases more than one application."""
        return len(self.items.all()) > 1

    @property
    def begins_at_once(self) -> bool:
        """Return whether nothing but approvals is waited for: no person and no time."""
        return self.start == self.Start.AT_ONCE and not self.waits_for_its_time

    @property
    def waits_for_its_time(self) -> bool:
        """Return whether it may not be executed yet."""
        return self.scheduled_for is not None and self.scheduled_for > timezone.now()

    def live_topics(self) -> list[str]:
        """Return the topics of the pages that show it."""
        applications = {self.application_id, *self.items.values_list("application_id", flat=True)}
        return [*(f"application:{pk}" for pk in sorted(applications)), f"project:{self.application.project_id}"]

    def event_project_id(self) -> int:
        """Return its project."""
        return int(self.application.project_id)

    def event_payload(self) -> dict[str, Any]:
        """Return what subscribers need to know."""
        return {
            "application": self.application_id,
            "number": self.number,
            "kind": self.kind,
            "environment": self.environment_id,
            "plan_hash": self.plan_hash,
        }


class ReleaseItem(models.Model):
    """One application of an order: which image, with which DeployYml. Waves go one after another.

    In a rollback the targets may have run different versions: the item then names that of the first one, without a build
    where it was not built here. What counts is `PlannedTarget.restores`.
    """

    order = models.ForeignKey(ReleaseOrder, on_delete=models.CASCADE, related_name="items")
    wave = models.PositiveSmallIntegerField(default=0)
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="+")
    build = models.ForeignKey(Build, on_delete=models.PROTECT, null=True, related_name="release_items")
    revision = models.ForeignKey(DeployYmlRevision, on_delete=models.PROTECT, related_name="release_items")

    class Meta:
        ordering = ["wave", "id"]
        constraints = [models.UniqueConstraint(fields=["order", "application"], name="application_once_per_order")]

    def __str__(self) -> str:
        return f"{self.application.slug} in wave {self.wave + 1}"


class PlannedTarget(models.Model):
    """What an item will bring to one target: the stored bytes, what they change, and the deployment that did it."""

    item = models.ForeignKey(ReleaseItem, on_delete=models.CASCADE, related_name="targets")
    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="+")
    manifest_set = models.ForeignKey(ManifestSet, on_delete=models.PROTECT, null=True, related_name="+")
    replaces = models.ForeignKey(Deployment, on_delete=models.PROTECT, null=True, related_name="+")  # live when planned
    restores = models.ForeignKey(Deployment, on_delete=models.PROTECT, null=True, related_name="+")  # of a rollback
    problem_code = models.CharField(max_length=80, blank=True, default="")  # why there are no bytes, or no dry run
    problem_params = models.JSONField(default=dict)
    budget = models.JSONField(default=list)  # whether its pods fit, as findings with their numbers
    preview = models.JSONField(default=dict)  # what the cluster said that would change, without secrets
    take_over_fields = models.BooleanField(default=False)  # decided: fields that others own become Slipway's
    deployment = models.OneToOneField(Deployment, on_delete=models.PROTECT, null=True, related_name="+")
    tries = models.PositiveSmallIntegerField(default=0)  # deployments that were asked for

    class Meta:
        ordering = ["target__position", "target_id"]
        constraints = [models.UniqueConstraint(fields=["item", "target"], name="target_once_per_item")]

    def __str__(self) -> str:
        return f"{self.item_id} on {self.target_id}"

    @property
    def is_done(self) -> bool:
        """Return whether the target runs what was planned for it."""
        return self.deployment is not None and self.deployment.status == DeploymentStatus.SUCCEEDED

    @property
    def has_failed(self) -> bool:
        """Return whether it was tried and did not come about."""
        if self.deployment is None:
            return bool(self.problem_code)
        return self.deployment.is_final and not self.is_done


class Approval(models.Model):
    """One person's word on one plan. It counts only for the plan hash it signs."""

    class Verdict(models.TextChoices):
        APPROVED = "approved", _("Approved")
        REJECTED = "rejected", _("Rejected")

    order = models.ForeignKey(ReleaseOrder, on_delete=models.CASCADE, related_name="approvals")
    plan_hash = models.CharField(max_length=64)
    verdict = models.CharField(max_length=10, choices=Verdict.choices)
    note = models.CharField(max_length=500, blank=True, default="")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    user_name = models.CharField(max_length=150)
    token_name = models.CharField(max_length=100, blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)
    voided_at = models.DateTimeField(null=True, blank=True)  # the plan was made again and is another one

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["order", "user"], condition=models.Q(voided_at=None), name="one_word_per_person"
            )
        ]

    def __str__(self) -> str:
        return f"{self.verdict} by {self.user_name}"


class ReleaseEntry(models.Model):
    """One line of an order's timeline: a code and parameters, worded when read."""

    order = models.ForeignKey(ReleaseOrder, on_delete=models.CASCADE, related_name="entries")
    at = models.DateTimeField(default=timezone.now)
    level = models.CharField(max_length=10, default="info")
    code = models.CharField(max_length=80)
    params = models.JSONField(default=dict)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.code


class TestOrder(models.Model):
    """A tester's verdict on the commit of a build; asked for, then passed or failed. Needed where an environment says so."""

    __test__ = False  # not a class of tests, whatever its name

    class Verdict(models.TextChoices):
        WAITING = "waiting", _("Waiting for a tester")
        PASSED = "passed", _("Test passed")
        FAILED = "failed", _("Test failed")

    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="test_orders")
    number = models.PositiveIntegerField()
    build = models.ForeignKey(Build, on_delete=models.PROTECT, related_name="test_orders")
    commit_sha = models.CharField(max_length=64)
    verdict = models.CharField(max_length=10, choices=Verdict.choices, default=Verdict.WAITING)
    note = models.CharField(max_length=500, blank=True, default="")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_by_name = models.CharField(max_length=150)
    created_at = models.DateTimeField(default=timezone.now)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    decided_by_name = models.CharField(max_length=150, blank=True, default="")
    decided_at = models.DateTimeField(null=True, blank=True)
    verdict_note = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["application", "number"], name="test_order_number"),
            models.UniqueConstraint(
                fields=["application", "commit_sha"],
                condition=models.Q(verdict="waiting"),
                name="one_open_test_per_commit",
            ),
        ]
        indexes = [models.Index(fields=["application", "commit_sha", "-id"], name="test_of_commit")]

    def __str__(self) -> str:
        return f"{self.application.slug} test {self.number}"

    def get_absolute_url(self) -> str:
        """Return the address of the application's tests."""
        return f"{self.application.get_absolute_url()}tests/#test-{self.number}"
