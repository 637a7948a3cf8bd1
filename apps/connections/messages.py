"""The words of this app's codes."""

from django.utils.translation import gettext_lazy as _

from apps.core.messages import register

register(
    {
        "integration.unavailable": (_("{system} does not answer. It said: {message}"), _("Slipway tries again by itself; if it stays, look at the connection.")),
        "integration.outcome_unknown": (_("{system} was asked for something and never answered."), _("Slipway looks whether it happened before it tries again.")),
        "integration.untrusted": (_("The certificate of {system} cannot be verified: {message}"), _("Put the CA that signed it into the connection.")),
        "integration.unauthorized": (_("{system} refuses Slipway's credentials. It said: {message}"), _("An administrator must renew the credentials of the connection.")),
        "integration.credentials_refused": (_("Cluster {cluster} does not accept Slipway's credentials. It said: {message}"), _("An administrator must renew the credentials of the cluster; what waits for it then goes on by itself.")),
        "integration.missing_right": (_("Slipway may not {verb} {resource} on cluster {cluster}. It said: {message}"), _("An administrator grants it: the page of the cluster prints the role that Slipway needs.")),
        "integration.namespace_missing": (_("The namespace is not there on cluster {cluster}. It said: {message}"), _("Prepare the target again on the environment's page.")),
        "integration.namespace_ending": (_("The namespace is being deleted on cluster {cluster}. It said: {message}"), _("Wait until it is gone, then prepare the target again on the environment's page.")),
        "integration.kind_not_served": (_("Cluster {cluster} does not know this kind of object. It said: {message}"), _("Look at the version of the cluster and at what is installed there.")),
        "integration.missing": (_("{system} does not have what was asked for. It said: {message}"), ""),
        "integration.already_exists": (_("{system} has it already. It said: {message}"), ""),
        "integration.stale": (_("It changed in {system} meanwhile. It said: {message}"), _("Try again.")),
        "integration.rejected": (_("{system} refuses the request. It said: {message}"), ""),
        "integration.apply_conflict": (_("Others own fields of it in {system}. It said: {message}"), ""),
        "integration.disruption_refused": (_("A disruption budget keeps the pod for now. {system} said: {message}"), _("Try again in a while.")),
        "integration.unexpected_response": (_("What answers as {system} does not speak its language: {message}"), _("Check the address of the connection.")),
        "integration.failed": (_("{system} failed: {message}"), ""),
        "connection.slug_taken": (_("A connection “{slug}” exists already."), _("Choose another short name.")),
        "connection.in_use": (_("“{name}” is used by {count} applications."), _("Move them to another connection first.")),
        "connection.failed": (_("{name} was not saved: {reason}"), _("Check address, credential and CA certificate, then save again.")),
    }
)  # fmt: skip
