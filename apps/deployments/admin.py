"""Deployments for administrators: to look at, not to edit."""

from django.contrib import admin

from apps.core.admin import ReadOnlyAdmin

from .models import Deployment


@admin.register(Deployment)
class DeploymentAdmin(ReadOnlyAdmin):
    """Deployments."""

    list_display = ["application", "number", "kind", "status", "target", "created_by_name", "created_at"]
    list_filter = ["status", "kind"]
    list_select_related = ["application", "target__environment"]
    search_fields = ["application__slug", "cause_code"]
