"""Kubernetes clusters: where they are, how Slipway speaks to them, what they can do."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.fields import EncryptedTextField


class Cluster(models.Model):
    """One API server. The credential is a ServiceAccount token (or a client certificate), encrypted."""

    class State(models.TextChoices):
        ACTIVE = "active", _("Active")
        MAINTENANCE = "maintenance", _("Maintenance")

    class Health(models.TextChoices):
        OK = "ok", _("Reachable")
        FAILING = "failing", _("Not reachable")
        UNKNOWN = "unknown", _("Not checked")

    slug = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=100)
    description = models.CharField(max_length=300, blank=True)
    server = models.CharField(
        max_length=300
    )  # checked where it is parsed: a host may be one word, as in "https://master:6443"
    tls_server_name = models.CharField(max_length=253, blank=True, default="")  # whom the certificate is made out to
    ca_certificate = models.TextField(blank=True)
    token = EncryptedTextField(blank=True)
    client_certificate = models.TextField(blank=True)
    client_key = EncryptedTextField(blank=True)
    state = models.CharField(max_length=20, choices=State.choices, default=State.ACTIVE)
    maintenance_reason = models.CharField(max_length=300, blank=True, default="")
    maintenance_by_name = models.CharField(max_length=150, blank=True, default="")
    maintenance_since = models.DateTimeField(null=True, blank=True)
    health = models.CharField(max_length=10, choices=Health.choices, default=Health.UNKNOWN)
    health_code = models.CharField(max_length=80, blank=True, default="")
    health_params = models.JSONField(default=dict, blank=True)
    version = models.CharField(max_length=40, blank=True, default="")  # "1.36"
    capabilities = models.JSONField(default=dict, blank=True)
    ingress_address = models.CharField(max_length=300, blank=True)  # where people reach its ingress, "http://…"
    ingress_domain = models.CharField(max_length=200, blank=True)  # default domain for new host names
    ingress_class = models.CharField(max_length=100, blank=True)
    missing_permissions = models.JSONField(default=list, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def in_maintenance(self) -> bool:
        """Return whether nothing is changed on it for now."""
        return self.state == self.State.MAINTENANCE
