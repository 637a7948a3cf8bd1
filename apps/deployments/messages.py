"""The words of this app's codes: errors, causes and the lines of the timeline."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from apps.core.messages import register, register_parts, word

register(
    {
        # errors
        "deployment.in_progress": (_("Deployment {number} is going on at {target}."), _("Wait for it, stop it, or roll back (which takes its place).")),
        "deployment.never_succeeded": (_("Deployment {number} never ran well (it is {status}), so it is no version to go back to."), _("Choose a deployment that succeeded.")),
        "deployment.not_running": (_("Deployment {number} has ended already, or was asked to stop already."), ""),
        "deployment.foreign_manifests": (_("These manifests were made for another application or target than {target}."), ""),
        "deployment.cannot_roll_back": (_("Deployment {number} cannot be rolled back to."), _("Choose another version.")),
        "deployment.newer_exists": (_("A newer deployment than {number} exists there, so nothing is rolled back by itself."), ""),
        "deployment.no_version": (_("Deployment {number} carries no version of its own, so it is nothing to go back to."), _("Choose a release or a rollback.")),
        "deployment.nothing_there": (_("Nothing of this application was deployed to {target}."), _("Release a version there first.")),
        "deployment.confirm_name": (_("Type the application's name, {name}, to confirm this in production."), ""),
        "deployment.replicas_out_of_range": (_("The number of pods is between 0 and {most}."), ""),
        "deployment.bounds_out_of_range": (_("The least number of pods is at least 1 and not above the most, which is at most {most}."), ""),
        "deployment.autoscaled": (_("The autoscaler {autoscaler} decides how many pods there are; a number set by hand would be undone."), _("Set between which numbers it may choose.")),
        "deployment.not_autoscaled": (_("Deployment {number} has no autoscaler, so there are no bounds to set."), _("Set the number of pods.")),
        "deployment.no_such_pods": (_("These are no pods of this application here: {pods}."), _("Look at the list of pods again: they may have been replaced.")),
        "deployment.cannot_pause": (_("Deployment {number} cannot be held: it has ended, is held already, or is no rollout."), ""),
        "deployment.paused_there": (_("The rollout of deployment {number} was stopped while it was paused, and is half way still."), _("Roll back or release first: that lets it go on.")),
        "deployment.not_paused": (_("Deployment {number} is not held."), ""),
        # why a deployment failed
        "deployment.workload_missing": (_("The Deployment {name} is not in the cluster any more."), _("Somebody deleted it. Release or roll back to bring it back.")),
        "deployment.autoscaler_missing": (_("The cluster has no autoscaler for {name}, so there are no bounds to set."), _("Release again to bring it back.")),
        "removal.waiting": (_("Being deleted: {objects}."), ""),
        "removal.held": (_("{object} is held by finalizers: {finalizers}. It goes when whoever put them there takes them away."), _("Look for the controller of that name: it may be gone or failing.")),
        "apply.conflict": (_("Others own fields of {object}: {managers}. Nothing of it was changed."), _("Compare the fields below. Take them over if Slipway shall own them from now on, or leave them out of the DeployYml.")),
        "apply.rejected": (_("The cluster refuses {object}. It says: “{message}”"), _("Mend the DeployYml and release again.")),
        "apply.immutable": (_("The cluster does not let {fields} of {object} change once it is there."), _("Put the field back as it was. Where it has to change, take the application off this target first, then release again.")),
        "apply.being_deleted": (_("{object} is being deleted; Slipway waits until it is gone and makes it anew."), _("Where it stays for long, see which finalizer holds it.")),
        "apply.kind_not_served": (_("Cluster {cluster} (version {version}) does not know {api_version}, so it cannot take {object}."), _("Look at what is installed on the cluster, or leave this out for its targets.")),
        "apply.namespace_ending": (_("The namespace {namespace} is being deleted, so {object} has no place."), _("Wait until it is gone, prepare the target again on the environment's page, then release again.")),
        "apply.secret_missing": (_("The secret value {reference} that this version was made with is gone."), _("Release the present version of the DeployYml, or go back to another version.")),
        "apply.namespace_missing": (_("The namespace {namespace} is gone, so {object} has no place."), _("Prepare the target again on the environment's page.")),
        # the timeline
        "deployment.requested": (_("Requested by {by}."), ""),
        "deployment.rollback_requested": (_("Roll back to deployment {to}, asked for by {by}."), ""),
        "deployment.image_unchecked": (_("The registry could not be asked whether the image is still there; going on without."), ""),
        "deployment.applying": (_("Applying {objects} stored objects (SHA-256 {sha256})."), ""),
        "deployment.applied": (_("The cluster accepted all {objects} objects."), ""),
        "deployment.waits_for_maintenance": (_("Waits: {cluster} is in maintenance ({reason}, says {by})."), ""),
        "deployment.warned": (_("The cluster took {object}, and warns: {words}"), ""),
        "deployment.half_way": (_("The cluster has taken {sent} and not {unsent}."), _("What was taken stays: release again, or roll back.")),
        "deployment.next_stage": (_("Going on with stage {stage}."), ""),
        "deployment.sent_again": (_("A late call of the superseded deployment had changed {objects}; sent again."), ""),
        "deployment.ready": (_("{ready} of {wanted} pods ready."), ""),
        "deployment.pruned": (_("Removed what left the set: {objects}."), ""),
        "deployment.not_pruned": (_("What left the set could not be removed: {message}"), ""),
        "deployment.succeeded": (_("Done: {ready} of {wanted} pods run this version."), ""),
        "deployment.cancel_requested": (_("{by} asked to stop."), ""),
        "deployment.canceled": (_("Stopped. What the cluster accepted stays there; roll back to undo it."), ""),
        "deployment.canceled_before": (_("Stopped before anything was sent: the cluster is as it was."), ""),
        "deployment.canceled_half": (_("Stopped half way: the cluster accepted {sent} of {objects} objects and keeps them. Roll back to undo that, or release again."), ""),
        "deployment.canceled_unknown": (_("Stopped. Whether the cluster got the request cannot be told; the pods show it."), ""),
        "deployment.canceled_rolling": (_("Stopped following. The cluster has everything and goes on by itself: {ready} of {wanted} pods were ready. Roll back to undo it."), ""),
        "deployment.canceled_paused": (_("Stopped. The rollout stays paused in the cluster: {updated} of {wanted} pods are of this version. A release or a rollback goes on from here."), ""),
        "deployment.canceled_removing": (_("Stopped. Of what was to be deleted, {left} objects were still there, and those that are being deleted will go. Roll back to bring everything back."), ""),
        "deployment.takes_over_adopted": (_("Takes over what was adopted here, from whoever wrote it before."), ""),
        "deployment.restart_requested": (_("Restart, asked for by {by}."), ""),
        "deployment.restarting": (_("Asking for all pods to be replaced, one after the other."), ""),
        "deployment.restarting_pods": (_("Replacing {pods}."), ""),
        "deployment.scale_requested": (_("{by} asked for {replicas} pods. The next release sets {stored} again."), ""),
        "deployment.bounds_requested": (_("{by} asked for {min} to {max} pods. The next release sets {stored_min} to {stored_max} again."), ""),
        "deployment.scaling": (_("Asking for {replicas} pods."), ""),
        "deployment.setting_bounds": (_("Asking the autoscaler to stay between {min} and {max} pods."), ""),
        "deployment.accepted": (_("The cluster accepted that."), ""),
        "deployment.pause_requested": (_("{by} asked to hold the rollout."), ""),
        "deployment.paused": (_("Paused: {updated} of {wanted} pods are of this version. What runs goes on serving."), ""),
        "deployment.resume_requested": (_("{by} asked for it to go on."), ""),
        "deployment.resumed": (_("The rollout goes on."), ""),
        "deployment.resumed_elsewhere": (_("Somebody let the rollout go on in the cluster."), ""),
        "deployment.pause_lifted": (_("A pause that was left behind was lifted."), ""),
        "deployment.removal_requested": (_("{by} asked to take it off this target."), ""),
        "deployment.removing": (_("Deleting {objects}."), ""),
        "deployment.nothing_to_remove": (_("There is nothing of it left to delete."), ""),
        "deployment.left_alone": (_("These carry its label and were not made by Slipway, so they stay: {objects}."), ""),
        "deployment.removal_accepted": (_("The cluster is deleting; configuration and secrets go when the pods have ended."), ""),
        "deployment.removed": (_("All {objects} objects are gone. The history stays, and a rollback brings the version back."), ""),
        "deployment.waits_for_removal": (_("Waiting until the removal is through with {objects}."), ""),
        "deployment.superseded": (_("Superseded by deployment {by}, which rolls back."), ""),
        "deployment.nothing_to_roll_back_to": (_("There is no earlier version to roll back to."), ""),
        "deployment.rolled_back_automatically": (_("The environment rolls back by itself: deployment {by} brings version {to} back."), ""),
        "deployment.rollback_waits": (_("The cluster {cluster} takes no changes now; the way back is tried again for an hour."), ""),
        "deployment.not_rolled_back": (_("For an hour the cluster took no changes, so nothing was rolled back. Roll back by hand when it is there again."), ""),
        "deployment.nothing_to_undo": (_("Nothing of it reached the cluster, so there is nothing to roll back."), ""),
        # what runs after a bad end, and what a good one turned into
        "deployment.serving": (_("What serves now: {versions}."), ""),
        "deployment.nothing_serves": (_("Nothing of it serves now: no pod is ready."), _("Roll back, or release a version that runs.")),
        "deployment.ran_badly": (_("It ran badly afterwards: {what}"), ""),
        # drift
        "drift.nothing_deployed": (_("Nothing was deployed at {target} yet."), ""),
        "drift.later_attempt": (_("Not compared: deployment {number} changed things there and did not end well."), _("Open it, and roll back or release again.")),
        "drift.secret_gone": (_("Not compared: the secret value {reference} does not exist any more."), _("Release again.")),
        "drift.nothing_to_accept": (_("Nothing that differs at {target} can be accepted into the DeployYml."), _("Bring back what was deployed.")),
        "drift.not_in_form": (_("The DeployYml has no field for it."), ""),
        "drift.is_image": (_("An image comes from a build: release the build that is meant."), ""),
        "drift.is_secret": (_("A secret is not taken from a cluster: set its value."), ""),
        "drift.does_not_fit": (_("The DeployYml cannot bring about exactly this value."), ""),
        "deployment.reapply_requested": (_("{by} brings back what deployment {to} deployed; fields that others changed are taken over."), ""),
    }
)  # fmt: skip


def _versions(params: Mapping[str, Any]) -> dict[str, str]:
    """Word the versions that serve: a version that nobody here deployed has no number."""
    parts = []
    for each in params.get("serving") or []:
        pods = ngettext("{ready} of {wanted} pod ready", "{ready} of {wanted} pods ready", each["wanted"])
        name = gettext("deployment {number}") if each["deployment"] else gettext("another version")
        parts.append(f"{name.format(number=each['deployment'])}, {pods.format(**each)}")
    return {"versions": "; ".join(parts)}


def _found(params: Mapping[str, Any]) -> dict[str, str]:
    found = params.get("found") or {}
    return {"what": word(found["code"], found.get("params")).message if found else ""}


register_parts({"deployment.serving": _versions, "deployment.ran_badly": _found})
