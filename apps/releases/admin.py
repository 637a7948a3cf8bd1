"""Release orders and test orders for administrators: to look at, not to edit."""

from django.contrib import admin

from apps.core.admin import ReadOnlyAdmin

from .models import Approval, ReleaseOrder, TestOrder


@admin.register(ReleaseOrder)
class ReleaseOrderAdmin(ReadOnlyAdmin):
    """Release orders."""

    list_display = ["application", "number", "status", "environment", "created_by_name", "created_at"]
    list_filter = ["status"]
    list_select_related = ["application", "environment"]
    search_fields = ["application__slug", "plan_hash"]


@admin.register(Approval)
class ApprovalAdmin(ReadOnlyAdmin):
    """Approvals."""

    list_display = ["order", "verdict", "user_name", "created_at", "voided_at"]
    list_select_related = ["order__application"]


@admin.register(TestOrder)
class TestOrderAdmin(ReadOnlyAdmin):
    """Test orders."""

    list_display = ["application", "number", "verdict", "decided_by_name", "created_at"]
    list_filter = ["verdict"]
    list_select_related = ["application"]
