"""Approved base images and the immutable revisions of each application's Dockerfile."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.applications.models import Application
from apps.connections.models import Connection


class BaseImage(models.Model):
    """An image that a stage may be based on. `reference` is without the registry's host: `base/python-run:3.11`."""

    class Stage(models.TextChoices):
        CLONE = "clone", _("Clone")
        COMPILE = "compile", _("Compile")
        RUN = "run", _("Run")

    harbor = models.ForeignKey(Connection, on_delete=models.PROTECT, related_name="base_images")
    stage = models.CharField(max_length=10, choices=Stage.choices)
    language = models.CharField(max_length=20, blank=True, choices=Application.Language.choices)  # empty: for all
    reference = models.CharField(max_length=200)
    description = models.CharField(max_length=200, blank=True)
    init_path = models.CharField(max_length=200, blank=True)  # the init process of a run image, such as my_init
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["stage", "language", "reference"]
        constraints = [
            models.UniqueConstraint(fields=["harbor", "stage", "language", "reference"], name="base_image_once")
        ]

    def __str__(self) -> str:
        return self.reference


class DockerfileRevision(models.Model):
    """One immutable text of an application's Dockerfile."""

    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="dockerfile_revisions")
    number = models.PositiveIntegerField()
    content = models.TextField()
    note = models.CharField(max_length=300, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_by_name = models.CharField(max_length=150)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["application", "number"], name="dockerfile_revision_number")]

    def __str__(self) -> str:
        return f"r{self.number}"

    def get_absolute_url(self) -> str:
        """Return the address of its page."""
        return f"{self.application.get_absolute_url()}dockerfile/revisions/{self.number}/"
