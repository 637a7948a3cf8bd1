"""Revisions and base images for administrators: to look at. Base images are approved on their own page and in the API."""

from django.contrib import admin

from apps.core.admin import ReadOnlyAdmin

from .models import BaseImage, DockerfileRevision


@admin.register(DockerfileRevision)
class DockerfileRevisionAdmin(ReadOnlyAdmin):
    """Who saved what when."""

    list_display = ["application", "number", "note", "created_by_name", "created_at"]
    list_select_related = ["application"]
    search_fields = ["application__slug", "note", "created_by_name"]


@admin.register(BaseImage)
class BaseImageAdmin(ReadOnlyAdmin):
    """Approved base images."""

    list_display = ["reference", "stage", "language", "harbor", "enabled", "created_at"]
    list_select_related = ["harbor"]
    list_filter = ["stage", "enabled"]
    search_fields = ["reference"]
