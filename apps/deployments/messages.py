"""The words of this app's codes: errors, causes and the lines of the timeline."""

from django.utils.translation import gettext_lazy as _

from apps.core.messages import register

register(
    {
        # errors
        "deployment.in_progress": (_("Deployment {number} is going on at {target}."), _("Wait for it, stop it, or roll back (which takes its place).")),
        "deployment.never_succeeded": (_("Deployment {number} never ran well (it is {status}), so it is no version to go back to."), _("Choose a deployment that succeeded.")),
        "deployment.not_running": (_("Deployment {number} has ended already, or was asked to stop already."), ""),
        "deployment.foreign_manifests": (_("These manifests were made for another application or target than {target}."), ""),
        "deployment.cannot_roll_back": (_("Deployment {number} cannot be rolled back to."), _("Choose another version.")),
        "deployment.newer_exists": (_("A newer deployment than {number} exists there, so nothing is rolled back by itself."), ""),
        # why a deployment failed
        "apply.conflict": (_("Others own fields of {object}: {managers}. Nothing of it was changed."), _("Compare the fields below. Release again and take the fields over if Slipway shall own them from now on.")),
        "apply.rejected": (_("The cluster refuses {object}. It says: “{message}”"), _("Mend the DeployYml and release again.")),
        "apply.namespace_missing": (_("The namespace {namespace} is gone, so {object} has no place."), _("Prepare the target again on the environment's page.")),
        # the timeline
        "deployment.requested": (_("Requested by {by}."), ""),
        "deployment.rollback_requested": (_("Roll back to deployment {to}, asked for by {by}."), ""),
        "deployment.image_unchecked": (_("The registry could not be asked whether the image is still there; going on without."), ""),
        "deployment.applying": (_("Applying {objects} stored objects (SHA-256 {sha256})."), ""),
        "deployment.applied": (_("The cluster accepted all {objects} objects."), ""),
        "deployment.waits_for_maintenance": (_("Waits: {cluster} is in maintenance ({reason}, says {by})."), ""),
        "deployment.next_stage": (_("Going on with stage {stage}."), ""),
        "deployment.sent_again": (_("A late call of the superseded deployment had changed {objects}; sent again."), ""),
        "deployment.ready": (_("{ready} of {wanted} pods ready."), ""),
        "deployment.pruned": (_("Removed what left the set: {objects}."), ""),
        "deployment.not_pruned": (_("What left the set could not be removed: {message}"), ""),
        "deployment.succeeded": (_("Done: {ready} of {wanted} pods run this version."), ""),
        "deployment.cancel_requested": (_("{by} asked to stop."), ""),
        "deployment.canceled": (_("Stopped. What the cluster accepted stays there; roll back to undo it."), ""),
        "deployment.superseded": (_("Superseded by deployment {by}, which rolls back."), ""),
        "deployment.nothing_to_roll_back_to": (_("There is no earlier version to roll back to."), ""),
        "deployment.rolled_back_automatically": (_("The environment rolls back by itself: deployment {by} brings version {to} back."), ""),
    }
)  # fmt: skip
