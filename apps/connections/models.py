"""Where GitLab, Jenkins, Harbor and Prometheus are, and how to speak to them. Credentials are encrypted."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.fields import EncryptedTextField


class Connection(models.Model):
    """One outside system. Tested when saved; the result of the last test stays with it."""

    class Kind(models.TextChoices):
        GITLAB = "gitlab", "GitLab"
        JENKINS = "jenkins", "Jenkins"
        HARBOR = "harbor", "Harbor"
        PROMETHEUS = "prometheus", "Prometheus"

    class Health(models.TextChoices):
        OK = "ok", _("Works")
        FAILING = "failing", _("Does not work")
        UNKNOWN = "unknown", _("Not tested")

    kind = models.CharField(max_length=20, choices=Kind.choices)
    slug = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=100)
    url = models.URLField(max_length=300)
    username = models.CharField(max_length=100, blank=True)
    secret = EncryptedTextField(blank=True)  # a token or a password
    webhook_secret = EncryptedTextField(blank=True)  # what the system signs its calls to us with
    ca_certificate = models.TextField(blank=True)  # PEM, where the system's certificate is not publicly trusted
    options = models.JSONField(default=dict, blank=True)  # e.g. Jenkins: folder; Harbor: registry host for pods
    health = models.CharField(max_length=10, choices=Health.choices, default=Health.UNKNOWN)
    health_code = models.CharField(max_length=80, blank=True, default="")
    health_params = models.JSONField(default=dict, blank=True)
    version = models.CharField(max_length=60, blank=True, default="")
    checked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["kind", "name"]

    def __str__(self) -> str:
        return self.name
