"""The one table of who may what. Everything that asks for permission asks here, through `applications.access`."""

from __future__ import annotations

from enum import StrEnum

from django.utils.translation import gettext_lazy as _


class Scope(StrEnum):
    """What an API token may be limited to."""

    READ = "read"
    BUILD = "build"
    CONFIGURE = "configure"
    RELEASE = "release"
    APPROVE = "approve"
    ADMIN = "admin"


class Action(StrEnum):
    """What can be done inside a project."""

    VIEW = "project.view"
    VIEW_LOGS = "logs.view"
    CONFIGURE_APPLICATION = "application.configure"
    EDIT_DOCKERFILE = "dockerfile.edit"
    EDIT_DEPLOYYML = "deployyml.edit"
    EDIT_SECRETS = "secrets.edit"
    BUILD = "build.run"
    CANCEL_BUILD = "build.cancel"
    SUBMIT_RELEASE = "release.submit"
    APPROVE_RELEASE = "release.approve"
    DEPLOY = "deployment.run"
    ROLLBACK = "deployment.rollback"
    RESTART = "deployment.restart"
    SCALE = "deployment.scale"
    REMOVE = "deployment.remove"
    REMOVE_FROM_PRODUCTION = "deployment.remove_from_production"
    TEST_VERDICT = "test.verdict"
    MANAGE_ENVIRONMENTS = "environment.manage"
    MANAGE_MEMBERS = "members.manage"
    MANAGE_PROJECT = "project.manage"
    VIEW_AUDIT = "audit.view"


SCOPE_OF: dict[Action, Scope] = {
    Action.VIEW: Scope.READ,
    Action.VIEW_LOGS: Scope.READ,
    Action.VIEW_AUDIT: Scope.READ,
    Action.CONFIGURE_APPLICATION: Scope.CONFIGURE,
    Action.EDIT_DOCKERFILE: Scope.CONFIGURE,
    Action.EDIT_DEPLOYYML: Scope.CONFIGURE,
    Action.EDIT_SECRETS: Scope.CONFIGURE,
    Action.BUILD: Scope.BUILD,
    Action.CANCEL_BUILD: Scope.BUILD,
    Action.SUBMIT_RELEASE: Scope.RELEASE,
    Action.DEPLOY: Scope.RELEASE,
    Action.ROLLBACK: Scope.RELEASE,
    Action.RESTART: Scope.RELEASE,
    Action.SCALE: Scope.RELEASE,
    Action.REMOVE: Scope.RELEASE,
    Action.REMOVE_FROM_PRODUCTION: Scope.RELEASE,
    Action.TEST_VERDICT: Scope.APPROVE,
    Action.APPROVE_RELEASE: Scope.APPROVE,
    Action.MANAGE_ENVIRONMENTS: Scope.ADMIN,
    Action.MANAGE_MEMBERS: Scope.ADMIN,
    Action.MANAGE_PROJECT: Scope.ADMIN,
}


class Role(StrEnum):
    """A person's role in a project."""

    OWNER = "owner"
    DEVELOPER = "developer"
    TESTER = "tester"
    APPROVER = "approver"
    VIEWER = "viewer"


ROLE_NAMES = {
    Role.OWNER: _("Owner"),
    Role.DEVELOPER: _("Developer"),
    Role.TESTER: _("Tester"),
    Role.APPROVER: _("Approver"),
    Role.VIEWER: _("Viewer"),
}

ROLE_WORDS = {
    Role.OWNER: _("Everything: members, environments and settings too."),
    Role.DEVELOPER: _("Changes applications, builds, submits releases, deploys and rolls back."),
    Role.TESTER: _("Builds, and gives the verdict on test orders."),
    Role.APPROVER: _("Approves releases, rolls back, and reads the audit."),
    Role.VIEWER: _("Looks at everything, logs included."),
}

_VIEW = frozenset({Action.VIEW, Action.VIEW_LOGS})
_DEVELOP = _VIEW | {
    Action.CONFIGURE_APPLICATION,
    Action.EDIT_DOCKERFILE,
    Action.EDIT_DEPLOYYML,
    Action.EDIT_SECRETS,
    Action.BUILD,
    Action.CANCEL_BUILD,
    Action.SUBMIT_RELEASE,
    Action.DEPLOY,
    Action.ROLLBACK,
    Action.RESTART,
    Action.SCALE,
    Action.REMOVE,
}

ALLOWED: dict[Role, frozenset[Action]] = {
    Role.VIEWER: _VIEW,
    Role.TESTER: _VIEW | {Action.TEST_VERDICT, Action.BUILD},
    Role.APPROVER: _VIEW | {Action.APPROVE_RELEASE, Action.ROLLBACK, Action.VIEW_AUDIT},
    Role.DEVELOPER: _DEVELOP,
    Role.OWNER: frozenset(Action),
}


def allows(role: str | None, action: Action) -> bool:
    """Return whether a role (None for no member) allows an action."""
    return role is not None and action in ALLOWED[Role(role)]
