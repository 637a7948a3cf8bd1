"""The words of this app's codes."""

from django.utils.translation import gettext_lazy as _

from apps.core.messages import register

register(
    {
        "project.slug_reserved": (_("“{slug}” is reserved: the registry's project of that name holds images of the platform."), _("Choose another short name.")),
        "project.slug_taken": (_("A project “{slug}” exists already."), _("Choose another short name.")),
        "project.in_use": (_("“{name}” still has {count} applications."), _("Archive them first.")),
        "application.slug_taken": (_("“{slug}” exists already in this project."), _("Choose another short name.")),
        "application.connection_kind": (_("That connection is not a {kind}."), _("Choose a {kind} connection.")),
        "application.repository_missing": (_("GitLab has no repository {path} that Slipway's token can see."), _("Check the path; give the token's user access to it.")),
        "application.branch_missing": (_("{path} has no branch {branch}."), _("Choose one of its branches.")),
        "environment.slug_taken": (_("An environment “{slug}” exists already in this project."), _("Choose another short name.")),
        "environment.in_use": (_("“{name}” still has targets or history."), _("Remove its targets first.")),
        "target.namespace_taken": (_("Namespace {namespace} on {cluster} already belongs to another environment."), _("Choose another namespace.")),
        "target.namespace_reserved": (_("Namespace {namespace} belongs to the cluster itself."), _("Choose another namespace.")),
        "target.namespace_foreign": (_("Namespace {namespace} was there before and is not this project's."), _("Choose another namespace, or ask a platform administrator to put the target in place.")),
        "target.slug_taken": (_("A target “{slug}” exists already in this environment."), _("Choose another short name.")),
        "target.harbor_unclear": (_("It is not clear from which Harbor this project pulls: there are {count} to choose from."), _("Create an application first; its Harbor is used.")),
        "environment.freeze_window": (_("A freeze needs a beginning, a later end and a reason."), _("Give both times with their zone.")),
        "member.role": (_("There is no such role; there is {known}."), ""),
        "member.last_owner": (_("A project keeps at least one owner."), _("Make somebody else an owner first.")),
        "member.unknown": (_("Nobody is called “{username}”."), _("Ask them to sign in once, or ask an administrator.")),
    }
)  # fmt: skip
