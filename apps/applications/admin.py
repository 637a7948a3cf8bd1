"""Projects and what belongs to them for administrators: to look at, not to edit."""

from django.contrib import admin

from apps.core.admin import ReadOnlyAdmin

from .models import Application, Environment, Membership, Project, PullRobot, Target


@admin.register(Project)
class ProjectAdmin(ReadOnlyAdmin):
    """Projects."""

    list_display = ["slug", "name", "created_at", "archived_at"]
    search_fields = ["slug", "name"]


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin):
    """Members."""

    list_display = ["project", "user", "role", "created_at"]
    list_filter = ["role"]
    list_select_related = ["project", "user"]
    search_fields = ["project__slug", "user__username"]


@admin.register(Application)
class ApplicationAdmin(ReadOnlyAdmin):
    """Applications."""

    list_display = ["slug", "project", "name", "language", "repository_path", "branch", "archived_at"]
    list_filter = ["language"]
    list_select_related = ["project"]
    search_fields = ["slug", "name", "uid", "repository_path", "project__slug"]


@admin.register(Environment)
class EnvironmentAdmin(ReadOnlyAdmin):
    """Environments."""

    list_display = ["slug", "project", "stage", "approvals_needed", "test_order_needed", "auto_rollback"]
    list_filter = ["stage"]
    list_select_related = ["project"]
    search_fields = ["slug", "name", "project__slug"]


@admin.register(Target)
class TargetAdmin(ReadOnlyAdmin):
    """Targets."""

    list_display = ["slug", "environment", "cluster", "namespace", "prepared_at"]
    list_select_related = ["environment", "cluster"]
    search_fields = ["slug", "namespace", "cluster__slug", "environment__project__slug"]


@admin.register(PullRobot)
class PullRobotAdmin(ReadOnlyAdmin):
    """The robot accounts with which clusters pull."""

    list_display = ["name", "project", "harbor", "created_at"]
    list_select_related = ["project", "harbor"]
