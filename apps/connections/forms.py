"""The shape of a connection as an administrator fills it in; the fields follow the kind."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from .models import Connection

Kind = Connection.Kind

SECRET_WORDS = {
    Kind.GITLAB: (_("Access token"), _("Of a user who sees the repositories; scopes api and read_repository.")),
    Kind.JENKINS: (_("API token"), _("Of the user above; they may create jobs, run builds and write credentials.")),
    Kind.HARBOR: (_("Password"), _("Of the user above; they may create projects and robot accounts.")),
    Kind.PROMETHEUS: (_("Password or token"), _("Leave empty where nobody has to sign in.")),
}
OPTION_WORDS = {
    Kind.JENKINS: ("folder", _("Folder"), _("Jobs are kept in this folder of Jenkins; empty means at the top.")),
    Kind.HARBOR: ("registry", _("Registry host"), _("Where nodes and Jenkins reach the registry, as host or host:port; empty means the address above.")),
}  # fmt: skip


class ConnectionForm(forms.Form):
    """A connection of one kind."""

    name = forms.CharField(label=_("Name"), max_length=100)
    slug = forms.SlugField(
        label=_("Short name"), max_length=40, help_text=_("For programs; it cannot be changed later.")
    )
    url = forms.URLField(label=_("Address"), max_length=300, assume_scheme="https")
    username = forms.CharField(label=_("User"), max_length=100, required=False)
    secret = forms.CharField(
        required=False, strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "off", "data-secret": True})
    )
    ca_certificate = forms.CharField(
        label=_("CA certificate"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text=_("PEM; only where the certificate of the system is not publicly trusted."),
    )
    option = forms.CharField(required=False, max_length=300)

    def __init__(self, kind: str, *args: Any, connection: Connection | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind, self.connection = Kind(kind), connection
        label, help_text = SECRET_WORDS[self.kind]
        self.fields["secret"].label, self.fields["secret"].help_text = label, help_text
        if connection is not None:
            del self.fields["slug"]
            if connection.secret:
                self.fields["secret"].help_text = _("Leave empty to keep the one that is stored.")
        if self.kind == Kind.GITLAB:
            del self.fields["username"]
        if self.kind in OPTION_WORDS:
            _key, self.fields["option"].label, self.fields["option"].help_text = OPTION_WORDS[self.kind]
        else:
            del self.fields["option"]

    def clean(self) -> dict[str, Any]:
        """Put the option of the kind among the others, which programs may have set."""
        values = super().clean() or {}
        options = dict(self.connection.options) if self.connection is not None else {}
        if self.kind in OPTION_WORDS:
            key = OPTION_WORDS[self.kind][0]
            options.pop(key, None)
            if option := values.pop("option", "").strip():
                options[key] = option
        return {**values, "options": options}


def initial_of(connection: Connection) -> dict[str, Any]:
    """Return what a form for changing a connection shows at first."""
    shown = {name: getattr(connection, name) for name in ("name", "url", "username", "ca_certificate")}
    option = OPTION_WORDS.get(Kind(connection.kind))
    return shown | {"option": connection.options.get(option[0], "") if option else ""}
