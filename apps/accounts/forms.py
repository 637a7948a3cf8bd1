"""The shape of what people fill in about themselves."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from .models import User
from .roles import Scope

LIFETIMES = [(7, _("7 days")), (30, _("30 days")), (90, _("90 days")), (180, _("180 days")), (365, _("a year"))]
SCOPE_WORDS = {
    Scope.READ: _("read: look at everything you may see"),
    Scope.BUILD: _("build: start and cancel builds"),
    Scope.CONFIGURE: _("configure: change applications, Dockerfiles, DeployYmls and secret values"),
    Scope.RELEASE: _("release: submit orders, deploy, roll back"),
    Scope.APPROVE: _("approve: sign release orders and test verdicts"),
    Scope.ADMIN: _("admin: change members, environments, connections and clusters"),
}


class ProfileForm(forms.Form):
    """One's name, address, language and theme."""

    display_name = forms.CharField(label=_("Name shown to others"), max_length=100, required=False)
    email = forms.EmailField(label=_("E-mail"), required=False)
    language = forms.ChoiceField(label=_("Language"), required=False)
    theme = forms.ChoiceField(label=_("Theme"), choices=User.Theme.choices)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["language"].choices = [("", _("Like the browser")), *settings.LANGUAGES]  # type: ignore[attr-defined]


class SignInForm(AuthenticationForm):
    """Name and password. A one-time password ends if nobody uses it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _("Sign-in name")

    def confirm_login_allowed(self, user: Any) -> None:
        """Refuse who was locked out, and a one-time password that has ended.

        Raises:
            ValidationError: as said.
        """
        super().confirm_login_allowed(user)
        if user.must_change_password and user.one_time_password_until < timezone.now():
            raise forms.ValidationError(
                _("This one-time password has ended. Ask an administrator for a new one."), code="one_time_ended"
            )


class PasswordForm(PasswordChangeForm):
    """A new password, beside other forms: it does not take the focus."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["old_password"].widget.attrs.pop("autofocus", None)


class TokenForm(forms.Form):
    """An API token to make."""

    name = forms.CharField(
        label=_("Name"), max_length=100, help_text=_("What will use it, for example “nightly deploy”.")
    )
    scopes = forms.MultipleChoiceField(
        label=_("May"), choices=list(SCOPE_WORDS.items()), widget=forms.CheckboxSelectMultiple
    )
    days = forms.TypedChoiceField(label=_("Lives for"), choices=LIFETIMES, coerce=int, initial=90)


class PersonForm(forms.Form):
    """A person to create."""

    username = forms.CharField(label=_("Sign-in name"), max_length=150)
    display_name = forms.CharField(label=_("Name shown to others"), max_length=100, required=False)
    email = forms.EmailField(label=_("E-mail"), required=False)
    password = forms.CharField(
        label=_("First password"),
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "data-secret": True}),
        help_text=_("At least 10 characters. They change it under Account."),
    )
    administrator = forms.BooleanField(
        label=_("Platform administrator"),
        required=False,
        help_text=_("May do everything in every project, and change connections, clusters and people."),
    )
