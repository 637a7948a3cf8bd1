"""What happened (`Event`), written in the transaction that made it happen, and what is owed to it (`Reaction`)."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class Event(models.Model):
    """One thing that happened. Subscribers (`paas/subscribers.py`) get its id and read it again."""

    name = models.CharField(max_length=80)
    object_type = models.CharField(max_length=40)
    object_id = models.BigIntegerField()
    project_id = models.BigIntegerField(null=True)
    payload = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(fields=["object_type", "object_id", "id"], name="event_object"),
        ]

    def __str__(self) -> str:
        return f"{self.name} #{self.object_id}"


class Reaction(models.Model):
    """What one subscriber owes to one event, until it is done (`reactions.py`)."""

    event = models.ForeignKey(Event, models.CASCADE, related_name="reactions")
    task = models.CharField(max_length=80)
    due_at = models.DateTimeField(default=timezone.now)
    tries = models.PositiveIntegerField(default=0)
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["event", "task"], name="reaction_once")]
        indexes = [models.Index(fields=["due_at"], name="reaction_owed", condition=models.Q(done_at=None))]

    def __str__(self) -> str:
        return f"{self.task} for event {self.event_id}"
