"""The push hooks we registered, and the deliveries we saw."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from apps.applications.models import Application
from apps.core.fields import EncryptedTextField


class PushHook(models.Model):
    """The webhook of an application's repository, with the secret that GitLab sends along."""

    application = models.OneToOneField(Application, on_delete=models.CASCADE, related_name="push_hook")
    secret = EncryptedTextField()
    hook_id = models.BigIntegerField(null=True)  # GitLab's
    registered_at = models.DateTimeField(null=True, blank=True)
    last_delivery_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"push hook of {self.application_id}"


class Push(models.Model):
    """One push that GitLab told us of. A delivery that comes twice is one push."""

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="pushes")
    delivery_id = models.CharField(max_length=100)  # GitLab's: two GitLabs may give the same
    ref = models.CharField(max_length=300)
    sha = models.CharField(max_length=64)
    pushed_by = models.CharField(max_length=150, blank=True)
    received_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["application", "delivery_id"], name="push_once")]

    def __str__(self) -> str:
        return f"{self.ref} {self.sha[:8]}"
