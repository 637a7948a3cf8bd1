"""Builds for administrators: to look at, not to edit."""

from django.contrib import admin

from apps.core.admin import ReadOnlyAdmin

from .models import Build


@admin.register(Build)
class BuildAdmin(ReadOnlyAdmin):
    """Builds."""

    list_display = ["application", "number", "status", "ref", "short_sha", "created_by_name", "created_at"]
    list_filter = ["status", "trigger"]
    list_select_related = ["application"]
    search_fields = ["application__slug", "commit_sha", "ref", "cause_code"]
