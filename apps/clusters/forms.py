"""The shape of a cluster as an administrator fills it in."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _


class CredentialsForm(forms.Form):
    """A kubeconfig, or address, CA and token."""

    kubeconfig = forms.CharField(
        label=_("Kubeconfig"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false", "data-secret": True}),
        help_text=_("As “kubectl config view --raw --flatten --minify” prints it; nothing in it may run a program or name a file."),
    )  # fmt: skip
    server = forms.CharField(label=_("API server"), required=False, max_length=300, help_text="https://host:6443")
    token = forms.CharField(
        label=_("Token"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false", "data-secret": True}),
    )
    ca_certificate = forms.CharField(
        label=_("CA certificate"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=_("PEM; only where the certificate is not publicly trusted."),
    )

    def clean(self) -> dict[str, Any]:
        """Ask for one way in."""
        values = super().clean() or {}
        if not values.get("kubeconfig", "").strip() and not values.get("token", "").strip():
            raise forms.ValidationError(_("Paste a kubeconfig, or give the API server and a token."))
        return values


class ClusterForm(forms.Form):
    """What a cluster is called and how people reach what runs on it."""

    name = forms.CharField(label=_("Name"), max_length=100)
    description = forms.CharField(label=_("Description"), max_length=300, required=False)
    ingress_address = forms.CharField(
        label=_("Address of its ingress"),
        max_length=300,
        required=False,
        help_text=_("Where people reach applications, with http:// or https://."),
    )
    ingress_domain = forms.CharField(
        label=_("Domain for new host names"),
        max_length=200,
        required=False,
        help_text=_("web of demo-test becomes web-demo-test.<domain>."),
    )
    ingress_class = forms.CharField(
        label=_("Ingress class"), max_length=100, required=False, help_text=_("Empty means the cluster's default.")
    )


class AddClusterForm(CredentialsForm, ClusterForm):
    """A cluster to add."""

    slug = forms.SlugField(
        label=_("Short name"), max_length=40, help_text=_("For programs; it cannot be changed later.")
    )


class MaintenanceForm(forms.Form):
    """Why nothing is released to a cluster for a while."""

    reason = forms.CharField(
        label=_("Reason"), max_length=300, help_text=_("Shown to everybody whose release has to wait.")
    )


class NamespaceForm(forms.Form):
    """A namespace to create."""

    name = forms.RegexField(
        r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$",
        label=_("Namespace"),
        max_length=63,
        widget=forms.TextInput(attrs={"id": "id_namespace"}),  # the page's other form has a name too
        error_messages={"invalid": _("Lower-case letters, digits and hyphens; at most 63.")},
    )
