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
        "namespace.amounts": (_("These amounts cannot be used."), _("Mend the marked fields; nothing was changed.")),
        "namespace.nothing_limited": (_("Nothing is limited: give at least one amount, or remove it."), ""),
        "namespace.no_quantity": (_("“{value}” is no amount such as 500m, 2 or 512Mi."), ""),
        "namespace.negative": (_("{value} is less than nothing."), ""),
        "namespace.no_count": (_("{value} is no whole number."), ""),
        "namespace.tiny_memory": (_("{value} is {words}; did you mean Mi?"), ""),
        "namespace.out_of_order": (_("{low} ({less}) is more than {high} ({more})."), ""),
        "namespace.of_others": (_("{object} was made by others ({managers})."), _("Take it over if Slipway shall own it from now on.")),
        "namespace.changed_by_others": (_("Others own fields of {object}. The cluster says: “{message}”"), _("Take it over if Slipway shall own it from now on.")),
        "namespace.missing": (_("The namespace {namespace} is not there."), _("Put the target in place first.")),
        "namespace.exists": (_("The namespace {namespace} is there already."), ""),
        "namespace.refused": (_("The cluster refuses that name. It says: “{message}”"), ""),
        "cluster.in_use": (_("{cluster} has {count} targets."), _("Remove them from their environments first.")),
    }
)  # fmt: skip
