"""The audit for administrators, to look at and search."""

from django.contrib import admin

from apps.core.admin import ReadOnlyAdmin

from .models import AuditEntry


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Audit entries."""

    list_display = ["at", "actor_name", "token_name", "action", "object_name", "project_name", "address"]
    list_filter = ["at"]
    search_fields = ["actor_name", "action", "object_name", "project_name", "request_id"]
