"""Django admin is for looking and searching; what services own is changed by services."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from .fields import EncryptedTextField


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Shows rows and edits none. Encrypted fields are left out."""

    show_full_result_count = False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:  # noqa: ARG002
        """Show what the class names, else every field that is not encrypted; no form is made to find out."""
        shown = (field.name for field in self.model._meta.fields if not isinstance(field, EncryptedTextField))
        return self.fields or list(shown)

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> list[str]:  # noqa: ARG002
        """Leave encrypted fields out, whatever the class names."""
        return [field.name for field in self.model._meta.fields if isinstance(field, EncryptedTextField)]

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        """Nobody adds rows here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Nobody changes rows here."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Nobody deletes rows here."""
        return False
