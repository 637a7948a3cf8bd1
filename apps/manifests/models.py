"""Revisions of the DeployYml, the secret values they refer to, and the manifest sets rendered from both.

Nothing here is ever changed: a new revision, a new version of a value, a new set. There is no code that updates a row;
only an adoption is withdrawn again.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.applications.models import Application, Environment, Target
from apps.core.fields import EncryptedTextField


class DeployYmlRevision(models.Model):
    """The form data of an application as somebody saved it: the base and what environments and targets change."""

    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="deployyml_revisions")
    number = models.PositiveIntegerField()
    base = models.JSONField()
    overrides = models.JSONField(default=dict)  # {"environments": {slug: {…}}, "targets": {"env/target": {…}}}
    note = models.CharField(max_length=300, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_by_name = models.CharField(max_length=150)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["application", "number"], name="deployyml_revision_number")]

    def __str__(self) -> str:
        return f"r{self.number}"

    def get_absolute_url(self) -> str:
        """Return the address of its page."""
        return f"{self.application.get_absolute_url()}deployyml/revisions/{self.number}/"


class SecretValue(models.Model):
    """One version of one secret value. It can be replaced or withdrawn by a later version, and is never shown.

    Old versions stay, encrypted: a rollback binds the values that were released with the version it goes back to.
    """

    class Scope(models.TextChoices):
        BASE = "base", _("Everywhere")
        ENVIRONMENT = "environment", _("Environment")
        TARGET = "target", _("Target")

    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="secret_values")
    scope = models.CharField(max_length=20, choices=Scope.choices)
    environment = models.ForeignKey(Environment, on_delete=models.PROTECT, null=True, related_name="+")
    target = models.ForeignKey(Target, on_delete=models.PROTECT, null=True, related_name="+")
    key = models.CharField(max_length=253)
    version = models.PositiveIntegerField()
    # What stands in stored manifests in its place, such as "environment:production/DB_PASSWORD@3".
    reference = models.CharField(max_length=400)
    value = EncryptedTextField(blank=True)
    withdrawn = models.BooleanField(default=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_by_name = models.CharField(max_length=150)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["key", "scope", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["application", "reference"], name="secret_reference"),
            models.CheckConstraint(
                name="secret_scope",
                condition=models.Q(scope="base", environment=None, target=None)
                | models.Q(scope="environment", environment__isnull=False, target=None)
                | models.Q(scope="target", environment=None, target__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.reference


class FingerprintKey(models.Model):
    """The key of an application's HMAC over its secret values.

    It is its own, and not one of the field keys: those rotate, and names of Secrets must not change with them.
    """

    application = models.OneToOneField(Application, on_delete=models.CASCADE, related_name="+")
    key = EncryptedTextField()
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"fingerprint key of {self.application_id}"


class Adoption(models.Model):
    """A Deployment that was there before Slipway and became an application's on a target: what rendering keeps of it."""

    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="adoptions")
    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="adoptions")
    revision = models.ForeignKey(DeployYmlRevision, on_delete=models.PROTECT, related_name="adoptions")
    workload = models.CharField(max_length=253)
    identity = models.JSONField()  # the fields of `render.Identity`
    managers = models.JSONField(default=list)  # who wrote its objects: the first release takes all of it over
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_by_name = models.CharField(max_length=150)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["application", "target"], name="adopted_once"),
            models.UniqueConstraint(fields=["target", "workload"], name="adopted_by_one"),
        ]

    def __str__(self) -> str:
        return f"{self.workload} at {self.target}"


class ManifestSet(models.Model):
    """The objects of one application for one target, rendered once and applied byte for byte ever after."""

    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="manifest_sets")
    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="manifest_sets")
    revision = models.ForeignKey(DeployYmlRevision, on_delete=models.PROTECT, related_name="manifest_sets")
    image = models.CharField(max_length=500)
    image_digest = models.CharField(max_length=71)
    content = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    secret_fingerprint = models.CharField(max_length=64, blank=True)
    plan_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["application", "target", "revision", "plan_hash"], name="manifest_set_rendered_once"
            )
        ]
        indexes = [models.Index(fields=["application", "target", "-id"], name="manifest_set_history")]

    def __str__(self) -> str:
        return f"{self.sha256[:12]} for {self.target_id}"
