"""Images that builds pushed, and the holds that say who still needs a digest."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from apps.applications.models import Application


class Artifact(models.Model):
    """One image of an application, by digest."""

    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="artifacts")
    repository = models.CharField(max_length=200)  # without the registry's host
    digest = models.CharField(max_length=71)
    tags = models.JSONField(default=list)
    size = models.BigIntegerField(default=0)
    build_number = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["application", "digest"], name="artifact_digest")]

    def __str__(self) -> str:
        return f"{self.repository}@{self.digest}"


class Hold(models.Model):
    """Somebody still needs a digest: retention must keep it. The holder is text, so that nobody here looks upwards."""

    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="holds")
    digest = models.CharField(max_length=71)
    holder = models.CharField(max_length=80)  # "deployment:12"
    reason = models.CharField(max_length=80)
    created_at = models.DateTimeField(default=timezone.now)
    released_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["application", "digest", "holder"], name="one_hold_per_holder")]
        indexes = [models.Index(fields=["application", "digest"], name="hold_digest")]

    def __str__(self) -> str:
        return f"{self.holder} holds {self.digest[:19]}"
