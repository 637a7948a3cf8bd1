"""The append-only record of who did what. A database trigger refuses changes and deletions (see the first migration)."""

from __future__ import annotations

from django.db import models


class AuditEntry(models.Model):
    """One action. Names are text, so that the entry outlives the objects."""

    at = models.DateTimeField(auto_now_add=True)
    actor_id = models.BigIntegerField(null=True)
    actor_name = models.CharField(max_length=150)
    token_name = models.CharField(max_length=100, blank=True, default="")
    action = models.CharField(max_length=80)
    object_type = models.CharField(max_length=40)
    object_id = models.BigIntegerField(null=True)
    object_name = models.CharField(max_length=300)
    project_id = models.BigIntegerField(null=True)
    project_name = models.CharField(max_length=100, blank=True, default="")
    address = models.CharField(max_length=64, blank=True, default="")
    request_id = models.CharField(max_length=64, blank=True, default="")
    details = models.JSONField(default=dict)

    class Meta:
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["-at", "-id"], name="audit_recent"),
            models.Index(fields=["project_id", "-id"], name="audit_project"),
            models.Index(fields=["object_type", "object_id", "-id"], name="audit_object"),
            models.Index(fields=["actor_id", "-id"], name="audit_actor"),
        ]

    def __str__(self) -> str:
        return f"{self.actor_name} {self.action} {self.object_name}"

    @property
    def short_reference(self) -> str:
        """Return the beginning of the request id, for a cell of a table; whole it is copied."""
        return self.request_id[:8]
