"""Pages about oneself, and the people for administrators."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages as toasts
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm, SetPasswordForm
from django.contrib.auth.views import LoginView
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.i18n import set_language

from apps.core.forms import attempt

from . import selectors, services
from .forms import PasswordForm, PersonForm, ProfileForm, SignInForm, TokenForm
from .guards import require_administrator
from .requests import HttpRequest

PAGE_SIZE = 50
A_YEAR = 365 * 24 * 3600


class SignIn(LoginView):
    """Sign in with name and password; django-axes counts the failures."""

    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Sign in, and have this browser speak the person's language."""
        return _with_language(super().form_valid(form), form.get_user().language)


def _account(request: HttpRequest, *, status: int = 200, **forms: Any) -> HttpResponse:
    """Show the account page with these forms, and fresh ones for the others."""
    user = request.user
    context = {
        "profile_form": ProfileForm(
            initial={
                "display_name": user.display_name,
                "email": user.email,
                "language": user.language,
                "theme": user.theme,
            }
        ),
        "password_form": PasswordForm(user),
        "token_form": TokenForm(),
        "tokens": selectors.list_tokens(user),
    }
    return render(request, "accounts/account.html", context | forms, status=status)


@login_required
@require_http_methods(["GET", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """Show one's account (GET) and change the profile (POST)."""
    if request.method == "GET":
        return _account(request)
    form = ProfileForm(request.POST)
    if form.is_valid():
        saved = attempt(
            form, lambda: services.update_profile(user=request.user, actor=request.actor, **form.cleaned_data)
        )
        if saved:
            toasts.success(request, _("Your account was saved."))
            return _with_language(redirect("account"), form.cleaned_data["language"])
    return _account(request, status=422, profile_form=form)


def _with_language(response: HttpResponse, language: str) -> HttpResponse:
    """Make the browser speak a language from now on, or its own again."""
    if language:
        response.set_cookie(settings.LANGUAGE_COOKIE_NAME, language, max_age=A_YEAR, samesite="Lax")
    else:
        response.delete_cookie(settings.LANGUAGE_COOKIE_NAME)
    return response


@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """Speak the language chosen in the menu from now on, and remember it with the person."""
    response: HttpResponse = set_language(request)
    chosen = request.POST.get("language", "")
    if request.user.is_authenticated and chosen in dict(settings.LANGUAGES):
        services.update_profile(user=request.user, actor=request.actor, language=chosen)
    return response


@login_required
@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Remember the theme chosen in the menu."""
    services.update_profile(user=request.user, actor=request.actor, theme=request.POST.get("theme", ""))
    return HttpResponse(status=204)


@sensitive_post_parameters()
@login_required
@require_POST
def password(request: HttpRequest) -> HttpResponse:
    """Change one's password; this session stays, the others end."""
    form = PasswordForm(request.user, request.POST)
    if form.is_valid():
        services.change_password(user=request.user, password=form.cleaned_data["new_password1"], actor=request.actor)
        update_session_auth_hash(request, request.user)
        toasts.success(request, _("Your password was changed; other browsers are signed out."))
        return redirect("account")
    return _account(request, status=422, password_form=form)


@sensitive_post_parameters()
@login_required
@require_http_methods(["GET", "POST"])
def own_password(request: HttpRequest) -> HttpResponse:
    """Choose one's own password after signing in with a one-time password; nothing else opens before."""
    if not request.user.must_change_password:
        return redirect("account")
    form = SetPasswordForm(request.user, request.POST or None)
    if request.method == "POST" and form.is_valid():
        password = form.cleaned_data["new_password1"]
        changed = attempt(
            form,
            lambda: services.change_password(user=request.user, password=password, actor=request.actor),
        )
        if changed:
            update_session_auth_hash(request, request.user)
            toasts.success(request, _("This password is yours alone now."))
            return redirect("/")
    return render(request, "accounts/own_password.html", {"form": form}, status=422 if form.is_bound else 200)


@login_required
@require_POST
def create_token(request: HttpRequest) -> HttpResponse:
    """Make a token and show its text, this once: the answer is no redirect, so that it is kept nowhere."""
    form = TokenForm(request.POST)
    if form.is_valid():
        values = form.cleaned_data
        made = attempt(
            form,
            lambda: services.create_token(
                user=request.user,
                name=values["name"],
                scopes=values["scopes"],
                lifetime=timedelta(days=values["days"]),
                actor=request.actor,
            ),
            conflict="name",
        )
        if made:
            response = _account(request, status=201, new_token=made[0], new_token_text=made[1])
            response.headers["Cache-Control"] = "no-store"
            return response
    return _account(request, status=422, token_form=form)


@login_required
@require_POST
def revoke_token(request: HttpRequest, pk: int) -> HttpResponse:
    """Revoke one of one's tokens."""
    token = selectors.get_token(request.user, pk)
    services.revoke_token(token=token, actor=request.actor)
    toasts.success(request, _("Token “%(name)s” was revoked.") % {"name": token.name})
    return redirect("account")


@login_required
@require_GET
def people(request: HttpRequest) -> HttpResponse:
    """List the people (administrators)."""
    require_administrator(request.actor)
    return _people(request)


def _people(request: HttpRequest, *, status: int = 200, **more: Any) -> HttpResponse:
    rows = selectors.list_users(request.GET.get("q", "").strip())
    context = {"page": Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page")), **more}
    return render(request, "accounts/people.html", context, status=status)


@sensitive_post_parameters("password")
@login_required
@require_http_methods(["GET", "POST"])
def create_person(request: HttpRequest) -> HttpResponse:
    """Create a person (administrators)."""
    require_administrator(request.actor)
    form = PersonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        made = attempt(
            form, lambda: services.create_user(actor=request.actor, **form.cleaned_data), conflict="username"
        )
        if made:
            toasts.success(request, _("“%(name)s” can sign in now.") % {"name": made.username})
            return redirect("people")
    return render(request, "accounts/person_form.html", {"form": form}, status=422 if form.is_bound else 200)


@login_required
@require_POST
def set_active(request: HttpRequest, username: str) -> HttpResponse:
    """Let a person sign in, or no more (administrators)."""
    require_administrator(request.actor)
    user = selectors.get_user(username)
    services.set_active(user=user, active=request.POST.get("active") == "1", actor=request.actor)
    return redirect("people")


@login_required
@require_POST
def reset_password(request: HttpRequest, username: str) -> HttpResponse:
    """Give a person a one-time password and show it, this once: the answer is no redirect, so that it is kept nowhere."""
    require_administrator(request.actor)
    user = selectors.get_user(username)
    password = services.reset_password(user=user, actor=request.actor)
    response = _people(request, status=201, reset_person=user, one_time_password=password)
    response.headers["Cache-Control"] = "no-store"
    return response
