"""What happened (`Event`): written in the transaction that made it happen, dispatched after, swept until dispatched."""

from __future__ import annotations

from django.db import models


class Event(models.Model):
    """One thing that happened. Subscribers (`paas/subscribers.py`) get its id and read it again."""

    name = models.CharField(max_length=80)
    object_type = models.CharField(max_length=40)
    object_id = models.BigIntegerField()
    project_id = models.BigIntegerField(null=True)
    payload = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    dispatched_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["object_type", "object_id", "id"], name="event_object"),
            models.Index(fields=["created_at"], name="event_undispatched", condition=models.Q(dispatched_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.name} #{self.object_id}"
