"""Projects, applications, environments and targets: what is released, by whom, and where to."""

from __future__ import annotations

import secrets
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, RegexValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.accounts.roles import ROLE_NAMES, Role
from apps.clusters.models import Cluster
from apps.connections.models import Connection
from apps.core.fields import EncryptedTextField

# A slug becomes part of Kubernetes names and of image repositories: a DNS label, short enough for suffixes.
dns_label = RegexValidator(
    r"^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$", _("Lower-case letters, digits and hyphens; starts with a letter; at most 40.")
)
namespace_name = RegexValidator(r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", _("Lower-case letters, digits and hyphens; at most 63."))  # fmt: skip


class Project(models.Model):
    """A group of people and applications: the boundary of tenancy."""

    slug = models.CharField(max_length=40, unique=True, validators=[dns_label])
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.slug

    def get_absolute_url(self) -> str:
        """Return the address of its page."""
        return f"/projects/{self.slug}/"


class Membership(models.Model):
    """A person's role in a project."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=[(role.value, name) for role, name in ROLE_NAMES.items()])
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "user"], name="one_role_per_person"),
            models.CheckConstraint(condition=models.Q(role__in=[role.value for role in Role]), name="known_role"),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.project}"


def new_uid() -> str:
    """Return a stable id for an application as clusters see it (a label's value)."""
    return secrets.token_hex(8)


class Application(models.Model):
    """A repository and branch, a Dockerfile, a DeployYml; knows no cluster."""

    class Language(models.TextChoices):
        PYTHON = "python", "Python"
        NODE = "node", "Node.js"
        GO = "go", "Go"
        JAVA = "java", "Java"
        STATIC = "static", _("Static files")

    class ScanGate(models.TextChoices):
        OFF = "off", _("Report only")
        HIGH = "high", _("Fail on high")
        MEDIUM = "medium", _("Fail on medium and high")

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="applications")
    slug = models.CharField(max_length=40, validators=[dns_label])
    uid = models.CharField(max_length=16, unique=True, default=new_uid, editable=False)
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=300, blank=True)
    language = models.CharField(max_length=20, choices=Language.choices)
    gitlab = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="+")
    jenkins = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="+")
    harbor = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="+")
    repository_path = models.CharField(max_length=200)  # "demo/storefront"
    repository_id = models.BigIntegerField()  # GitLab's id: survives a rename
    branch = models.CharField(max_length=200)
    build_on_push = models.BooleanField(default=False)
    scan_gate = models.CharField(max_length=10, choices=ScanGate.choices, default=ScanGate.HIGH)
    rollout_rules = models.JSONField(default=dict, blank=True)  # what differs from the platform's: `rollout_rules.py`
    created_at = models.DateTimeField(default=timezone.now)
    archived_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["project", "slug"], name="application_slug")]

    def __str__(self) -> str:
        return self.slug

    def get_absolute_url(self) -> str:
        """Return the address of its page."""
        return f"/projects/{self.project.slug}/apps/{self.slug}/"

    @property
    def image_repository(self) -> str:
        """Return the repository of its images inside the registry, without the registry's host."""
        return f"{self.project.slug}/{self.slug}"

    @property
    def live_topic(self) -> str:
        """Return the topic under which open pages hear of changes to it."""
        return f"application:{self.pk}"


class NumberSequence(models.Model):
    """The last number given to a kind of thing of an application (builds, deployments, revisions)."""

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="+")
    kind = models.CharField(max_length=20)
    last = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["application", "kind"], name="one_sequence_per_kind")]

    def __str__(self) -> str:
        return f"{self.kind} {self.last} of {self.application_id}"


class Environment(models.Model):
    """A stage of a project: its policy and its targets."""

    class Stage(models.TextChoices):
        TEST = "test", _("Test")
        STAGING = "staging", _("Pre-release")
        PRODUCTION = "production", _("Production")

    class Unscanned(models.TextChoices):
        BY_APPROVALS = "by_approvals", _("Stopped where approvals are needed")
        BLOCK = "block", _("Always stopped")
        WARN = "warn", _("Let through with a warning")

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="environments")
    slug = models.CharField(max_length=40, validators=[dns_label])
    name = models.CharField(max_length=100)
    stage = models.CharField(max_length=20, choices=Stage.choices)
    position = models.PositiveSmallIntegerField(default=0)
    approvals_needed = models.PositiveSmallIntegerField(default=0, validators=[MaxValueValidator(10)])
    test_order_needed = models.BooleanField(default=False)
    allowed_branches = ArrayField(models.CharField(max_length=200), default=list, blank=True)  # globs; empty: all
    unscanned_builds = models.CharField(  # those that no scanner could look at
        max_length=20, choices=Unscanned.choices, default=Unscanned.BY_APPROVALS
    )
    auto_rollback = models.BooleanField(default=False)
    freeze_windows = models.JSONField(default=list, blank=True)  # [{"from": iso, "until": iso, "reason": text}]
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(fields=["project", "slug"], name="environment_slug")]

    def __str__(self) -> str:
        return self.slug

    @property
    def is_production(self) -> bool:
        """Return whether pages must make it unmistakable."""
        return self.stage == self.Stage.PRODUCTION

    @property
    def stops_unscanned(self) -> bool:
        """Return whether a build that no scanner could look at may not be released here."""
        if self.unscanned_builds == self.Unscanned.BY_APPROVALS:
            return self.approvals_needed > 0
        return self.unscanned_builds == self.Unscanned.BLOCK


class Target(models.Model):
    """One namespace on one cluster, where an environment's applications run."""

    environment = models.ForeignKey(Environment, on_delete=models.CASCADE, related_name="targets")
    slug = models.CharField(max_length=40, validators=[dns_label])
    cluster = models.ForeignKey(Cluster, on_delete=models.PROTECT, related_name="targets")
    namespace = models.CharField(max_length=63, validators=[namespace_name])
    position = models.PositiveSmallIntegerField(default=0)
    prepared_at = models.DateTimeField(null=True, blank=True)  # namespace, limits and pull secret were put in place
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["environment", "slug"], name="target_slug"),
            # A namespace belongs to one environment of one project: else pruning and logs leak across.
            models.UniqueConstraint(fields=["cluster", "namespace"], name="namespace_has_one_owner"),
        ]

    def __str__(self) -> str:
        return f"{self.environment.slug}/{self.slug}"


class PullRobot(models.Model):
    """The Harbor robot account with which a project's targets pull images, and do nothing else."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="pull_robots")
    harbor = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="+")
    robot_id = models.BigIntegerField()  # Harbor's
    name = models.CharField(max_length=200)
    secret = EncryptedTextField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "harbor"], name="one_pull_robot")]

    def __str__(self) -> str:
        return self.name


def next_number(application: Application, kind: str) -> int:
    """Return the next number of a kind of thing of an application, locking its counter until the transaction ends."""
    sequence: Any
    sequence, _created = NumberSequence.objects.get_or_create(application=application, kind=kind)
    sequence = NumberSequence.objects.select_for_update().get(pk=sequence.pk)
    sequence.last += 1
    sequence.save(update_fields=["last"])
    return int(sequence.last)
