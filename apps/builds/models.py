"""Builds, their stages, findings and logs."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.applications.models import Application
from apps.core.fields import EncryptedTextField
from apps.core.lifecycle import Lifecycle
from apps.core.masking import Redact
from apps.dockerfiles.models import DockerfileRevision
from apps.repositories.models import Push


class Status(models.TextChoices):
    """Where a build is. `failed` is the user's code or a gate, `errored` a tool or us."""

    PENDING = "pending", _("Pending")
    QUEUED = "queued", _("Queued")
    RUNNING = "running", _("Running")
    VERIFYING = "verifying", _("Verifying")
    SUCCEEDED = "succeeded", _("Succeeded")
    FAILED = "failed", _("Failed")
    CANCELED = "canceled", _("Canceled")
    ERRORED = "errored", _("Errored")


class Build(Lifecycle):
    """One Jenkins run of one commit with one Dockerfile revision."""

    class Trigger(models.TextChoices):
        PERSON = "person", _("By hand")
        PUSH = "push", _("Push")

    NOUN = "build"
    ADVANCE = "builds.advance"
    TRANSITIONS = {
        Status.PENDING: frozenset({Status.QUEUED, Status.RUNNING, Status.CANCELED, Status.FAILED, Status.ERRORED}),
        Status.QUEUED: frozenset({Status.RUNNING, Status.PENDING, Status.CANCELED, Status.ERRORED, Status.FAILED}),
        Status.RUNNING: frozenset({Status.VERIFYING, Status.FAILED, Status.CANCELED, Status.ERRORED}),
        Status.VERIFYING: frozenset({Status.SUCCEEDED, Status.FAILED, Status.ERRORED}),
        Status.SUCCEEDED: frozenset(),
        Status.FAILED: frozenset(),
        Status.CANCELED: frozenset(),
        Status.ERRORED: frozenset(),
    }

    status = models.CharField(max_length=20, choices=Status.choices, default=Status.PENDING)
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="builds")
    number = models.PositiveIntegerField()
    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)  # SLIPWAY_BUILD_ID
    trigger = models.CharField(max_length=10, choices=Trigger.choices, default=Trigger.PERSON)
    push = models.OneToOneField(Push, on_delete=models.SET_NULL, null=True, related_name="build")  # that started it
    ref = models.CharField(max_length=300)  # what was asked for
    ref_kind = models.CharField(max_length=10)  # branch, tag, commit
    commit_sha = models.CharField(max_length=64)
    commit_title = models.CharField(max_length=500, blank=True)
    commit_author = models.CharField(max_length=200, blank=True)
    commit_authored_at = models.DateTimeField(null=True)
    commit_url = models.CharField(max_length=500, blank=True)
    dockerfile = models.ForeignKey(DockerfileRevision, on_delete=models.PROTECT, related_name="builds")
    no_cache = models.BooleanField(default=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_by_name = models.CharField(max_length=150)
    job = models.CharField(max_length=200, blank=True)
    triggered_at = models.DateTimeField(null=True, blank=True)  # written before Jenkins is asked: an intent
    triggers = models.PositiveSmallIntegerField(default=0)
    queue_item_id = models.BigIntegerField(null=True)
    build_number = models.PositiveIntegerField(null=True)  # Jenkins's
    started_at = models.DateTimeField(null=True, blank=True)
    log_offset = models.BigIntegerField(default=0)
    log_held = EncryptedTextField(blank=True, default="")  # the unfinished line: not masked yet, see `consolelog`
    log_lines = models.PositiveIntegerField(default=0)
    result = models.CharField(max_length=20, blank=True)  # Jenkins's word
    image_digest = models.CharField(max_length=71, blank=True)
    image_tag = models.CharField(max_length=128, blank=True)
    image_size = models.BigIntegerField(null=True)
    report = models.JSONField(null=True)
    failed_stage = models.CharField(max_length=40, blank=True)
    cause_code = models.CharField(max_length=80, blank=True, default="")
    cause_params = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["application", "number"], name="build_number"),
            models.CheckConstraint(
                condition=~models.Q(status="succeeded") | ~models.Q(image_digest=""), name="succeeded_has_digest"
            ),
        ]
        indexes = [models.Index(fields=["application", "commit_sha"], name="build_commit")]

    def __str__(self) -> str:
        return f"{self.application.slug} build {self.number}"

    def get_absolute_url(self) -> str:
        """Return the address of its page."""
        return f"{self.application.get_absolute_url()}builds/{self.number}/"

    @property
    def short_sha(self) -> str:
        """Return the first eight digits of the commit."""
        return self.commit_sha[:8]

    def live_topics(self) -> list[str]:
        """Return the topics of the pages that show it."""
        return [f"application:{self.application_id}", f"project:{self.application.project_id}"]

    def event_project_id(self) -> int:
        """Return its project."""
        return int(self.application.project_id)

    def make_redactor(self) -> Redact:
        """Return what masks the credentials of its tools and the secret values of its application."""
        from .masking import redactor_for

        return redactor_for(self)

    def event_payload(self) -> dict[str, Any]:
        """Return what subscribers need to know."""
        return {"application": self.application_id, "number": self.number, "sha": self.commit_sha}


class BuildStage(models.Model):
    """One stage of a build, as Jenkins (or the report) tells."""

    build = models.ForeignKey(Build, on_delete=models.CASCADE, related_name="stages")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=40)
    title = models.CharField(max_length=100)
    status = models.CharField(max_length=20)  # running, succeeded, failed, canceled, skipped, not_reached
    started_at = models.DateTimeField(null=True)
    seconds = models.FloatField(default=0)
    detail = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["build", "name"], name="build_stage_once")]

    def __str__(self) -> str:
        return f"{self.name} of {self.build_id}"


class Finding(models.Model):
    """One finding of a scanner."""

    build = models.ForeignKey(Build, on_delete=models.CASCADE, related_name="findings")
    tool = models.CharField(max_length=40)
    rule = models.CharField(max_length=100)
    severity = models.CharField(max_length=10)  # high, medium, low, info
    file = models.CharField(max_length=400, blank=True)
    line = models.PositiveIntegerField(null=True)
    message = models.CharField(max_length=1000)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.tool} {self.rule}"


class LogChunk(models.Model):
    """A piece of a build's console log, in order."""

    build = models.ForeignKey(Build, on_delete=models.CASCADE, related_name="log_chunks")
    offset = models.BigIntegerField()  # in Jenkins's log, bytes
    text = models.TextField()

    class Meta:
        ordering = ["offset"]
        constraints = [models.UniqueConstraint(fields=["build", "offset"], name="log_chunk_once")]

    def __str__(self) -> str:
        return f"log of {self.build_id} from {self.offset}"


class Delivery(models.Model):
    """A webhook of Jenkins that was taken in: the same one twice is one."""

    build = models.ForeignKey(Build, on_delete=models.CASCADE, related_name="deliveries")
    delivery_id = models.CharField(max_length=100)
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["build", "delivery_id"], name="delivery_once")]

    def __str__(self) -> str:
        return self.delivery_id
