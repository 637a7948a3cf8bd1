"""Connections for administrators: to look at and to try; secrets are never shown."""

from django.contrib import admin
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from apps.accounts.guards import require_administrator
from apps.accounts.requests import HttpRequest
from apps.core.admin import ReadOnlyAdmin

from . import services
from .models import Connection


@admin.register(Connection)
class ConnectionAdmin(ReadOnlyAdmin):
    """Connections."""

    list_display = ["name", "kind", "slug", "url", "health", "version", "checked_at"]
    list_filter = ["kind", "health"]
    search_fields = ["name", "slug", "url"]
    actions = ["check_now"]

    @admin.action(description=_("Try now"))
    def check_now(self, request: HttpRequest, chosen: QuerySet[Connection]) -> None:
        """Try connections."""
        require_administrator(request.actor)
        for connection in chosen:
            services.check_connection(connection=connection, actor=request.actor)
