"""The words of this app's codes."""

from django.utils.translation import gettext_lazy as _

from apps.core.messages import register

register(
    {
        "build.no_dockerfile": (_("{application} has no Dockerfile yet."), _("Write one on its Dockerfile page.")),
        "build.dockerfile_refused": (_("The Dockerfile (r{number}) breaks the platform's rules: {first}"), _("Mend the marked lines and save a new revision.")),
        "build.not_running": (_("Build {number} has ended already, or was asked to stop already."), ""),
        "build.foreign_signature": (_("The signature does not fit."), ""),
        "build.stage_failed": (_("Stage {title} failed: {detail}"), _("The log shows the stage's last lines.")),
        "build.failed": (_("Jenkins ended the build with {result}."), _("The log says why.")),
        "build.aborted": (_("The build was stopped in Jenkins."), ""),
        "build.superseded": (_("A newer push of {branch} is built instead (build {by})."), ""),
        "build.deleted": (_("Jenkins no longer has run {number} of {job}."), _("Build the commit again.")),
        "build.lost": (_("Jenkins was asked {count} times, and each time the build was neither queued nor built afterwards."), _("Look at Jenkins, then build the commit again.")),
        "build.timed_out": (_("The build took longer than {minutes} minutes."), _("Look for a step that hangs.")),
        "build.no_report": (_("Jenkins ended with success but left no report."), _("Is the shared library of this Slipway installed in Jenkins?")),
        "build.bad_report": (_("The build's report is not what the schema says: {problem}"), _("Is the shared library as new as this Slipway?")),
        "build.wrong_report": (_("The report speaks of another build or commit."), _("Somebody changed the job in Jenkins; build again.")),
        "build.image_missing": (_("Jenkins says that it pushed {digest}, but the registry does not have it."), _("Look at the push stage and at Harbor.")),
        "build.scan_gate": (_("The scan found {count} problems that this application does not accept ({severity} or worse)."), _("Mend them, or change the application's scan gate.")),
    }
)  # fmt: skip
