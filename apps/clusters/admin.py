"""Clusters for administrators: to look at and to check; credentials are never shown."""

from django.contrib import admin
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from apps.accounts.guards import require_administrator
from apps.accounts.requests import HttpRequest
from apps.core.admin import ReadOnlyAdmin

from . import services
from .models import Cluster


@admin.register(Cluster)
class ClusterAdmin(ReadOnlyAdmin):
    """Clusters."""

    list_display = ["name", "slug", "server", "state", "health", "version", "checked_at"]
    list_filter = ["state", "health"]
    search_fields = ["name", "slug", "server"]
    actions = ["check_now"]

    @admin.action(description=_("Check now"))
    def check_now(self, request: HttpRequest, chosen: QuerySet[Cluster]) -> None:
        """Check clusters."""
        require_administrator(request.actor)
        for cluster in chosen:
            services.check_cluster(cluster=cluster, actor=request.actor)
