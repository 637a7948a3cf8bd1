"""Images and holds for administrators: to look at, not to edit."""

from django.contrib import admin

from apps.core.admin import ReadOnlyAdmin

from .models import Artifact, Hold


@admin.register(Artifact)
class ArtifactAdmin(ReadOnlyAdmin):
    """Images."""

    list_display = ["repository", "digest", "build_number", "created_at"]
    search_fields = ["repository", "digest"]


@admin.register(Hold)
class HoldAdmin(ReadOnlyAdmin):
    """Holds."""

    list_display = ["digest", "holder", "reason", "created_at", "released_at"]
    search_fields = ["digest", "holder"]
