"""The words of this app's codes."""

from django.utils.translation import gettext_lazy as _

from apps.core.messages import register

register(
    {
        "kubeconfig.invalid": (_("This way into the cluster cannot be used."), _("Mend the marked fields; nothing was saved.")),
        "cluster.slug_taken": (_("A cluster “{slug}” exists already."), _("Choose another short name.")),
        "cluster.refused": (_("{cluster} was not saved: {reason}"), _("Check address, CA and credential, then save again.")),
        "cluster.maintenance": (_("{cluster} is in maintenance: {reason} ({by})."), _("Wait, or ask a platform administrator to end the maintenance.")),
        "cluster.reason_needed": (_("Say why: everybody who waits reads it."), ""),
        "cluster.already": (_("{cluster} is “{state}” already."), ""),
        "cluster.lacks_permissions": (_("The credential may not do everything Slipway needs on {cluster}: {missing}."), _("Apply the printed ServiceAccount and role on the cluster, then check again.")),
        "cluster.in_use": (_("{cluster} has {count} targets."), _("Remove them from their environments first.")),
    }
)  # fmt: skip
