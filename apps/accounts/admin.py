"""People and tokens for administrators: to look at; what changes them are services."""

from django.contrib import admin
from django.contrib import messages as toasts
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from apps.core import messages
from apps.core.admin import ReadOnlyAdmin
from apps.core.errors import Conflict

from . import services
from .guards import require_administrator
from .models import ApiToken, User
from .requests import HttpRequest


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    """People."""

    list_display = ["username", "display_name", "email", "is_active", "is_superuser", "last_login"]
    list_filter = ["is_active", "is_superuser"]
    search_fields = ["username", "display_name", "email"]
    fields = ["username", "display_name", "email", "is_active", "is_superuser", "language", "theme", "date_joined", "last_login"]  # fmt: skip
    actions = ["lock_out", "let_in", "reset_password"]

    @admin.action(description=_("Lock out"))
    def lock_out(self, request: HttpRequest, chosen: QuerySet[User]) -> None:
        """Lock people out."""
        self._set_active(request, chosen, active=False)

    @admin.action(description=_("Let in again"))
    def let_in(self, request: HttpRequest, chosen: QuerySet[User]) -> None:
        """Let people in again."""
        self._set_active(request, chosen, active=True)

    @admin.action(description=_("Reset the password"))
    def reset_password(self, request: HttpRequest, chosen: QuerySet[User]) -> HttpResponse | None:
        """Give one person a one-time password and show it, this once."""
        require_administrator(request.actor)
        user = chosen.first()
        if user is None or chosen.count() > 1:
            toasts.error(request, _("Choose one person: each password is shown once."))
            return None
        try:
            password = services.reset_password(user=user, actor=request.actor)
        except Conflict as exc:
            toasts.error(request, messages.word(exc.code, exc.params).message)
            return None
        context = {**admin.site.each_context(request), "title": str(user), "person": user, "password": password}
        return render(request, "admin/accounts/one_time_password.html", context)  # all of the admin is never cached

    def _set_active(self, request: HttpRequest, chosen: QuerySet[User], *, active: bool) -> None:
        require_administrator(request.actor)
        for user in chosen:
            try:
                services.set_active(user=user, active=active, actor=request.actor)
            except Conflict as exc:
                toasts.error(request, messages.word(exc.code, exc.params).message)


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """API tokens; their text is stored nowhere."""

    list_display = ["name", "user", "prefix", "scopes", "last_used_at", "expires_at", "revoked_at"]
    list_select_related = ["user"]
    search_fields = ["name", "prefix", "user__username"]
    fields = ["name", "user", "prefix", "scopes", "created_at", "expires_at", "last_used_at", "revoked_at"]
    actions = ["revoke"]

    @admin.action(description=_("Revoke"))
    def revoke(self, request: HttpRequest, chosen: QuerySet[ApiToken]) -> None:
        """Revoke tokens, of anybody."""
        require_administrator(request.actor)
        for token in chosen:
            services.revoke_token(token=token, actor=request.actor)
