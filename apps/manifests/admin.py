"""Revisions, secret values and manifest sets in the admin: for looking and searching, never for changing."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from .models import DeployYmlRevision, ManifestSet, SecretValue


class _ReadOnly(admin.ModelAdmin):  # type: ignore[type-arg]
    def has_add_permission(self, _request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        return False


@admin.register(DeployYmlRevision)
class DeployYmlRevisionAdmin(_ReadOnly):
    """Who saved what when."""

    list_display = ["application", "number", "note", "created_by_name", "created_at"]
    list_select_related = ["application"]
    search_fields = ["application__slug", "note", "created_by_name"]
    date_hierarchy = "created_at"


@admin.register(SecretValue)
class SecretValueAdmin(_ReadOnly):
    """Which values are set; the values themselves are not even loaded."""

    list_display = ["application", "reference", "withdrawn", "created_by_name", "created_at"]
    list_select_related = ["application"]
    search_fields = ["application__slug", "key"]
    exclude = ["value"]

    def get_queryset(self, request: HttpRequest) -> Any:
        """Return the rows without their values."""
        return super().get_queryset(request).defer("value")


@admin.register(ManifestSet)
class ManifestSetAdmin(_ReadOnly):
    """What was rendered for which target."""

    list_display = ["application", "target", "revision", "image_digest", "sha256", "created_at"]
    list_select_related = ["application", "target__environment", "revision"]
    search_fields = ["application__slug", "sha256", "image_digest"]
    exclude = ["content"]

    def get_queryset(self, request: HttpRequest) -> Any:
        """Return the rows without their bytes."""
        return super().get_queryset(request).defer("content")
