"""The words of this app's codes."""

from django.utils.translation import gettext_lazy as _

from apps.core.messages import register

register(
    {
        "connection.slug_taken": (_("A connection “{slug}” exists already."), _("Choose another short name.")),
        "connection.in_use": (_("“{name}” is used by {count} applications."), _("Move them to another connection first.")),
        "connection.failed": (_("{name} was not saved: {reason}"), _("Check address, credential and CA certificate, then save again.")),
    }
)  # fmt: skip
