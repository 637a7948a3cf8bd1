"""The words of this app's codes."""

from django.utils.translation import gettext_lazy as _

from apps.core.messages import register

register(
    {
        "user.name_taken": (_("Somebody is called “{username}” already."), _("Choose another name.")),
        "user.self_lock": (_("You cannot lock yourself out."), _("Ask another administrator.")),
        "user.self_reset": (_("You cannot reset your own password."), _("Change it under Account.")),
        "user.one_time_again": (_("That is the one-time password."), _("Choose another one, which only you know.")),
        "auth.password_change": (_("Your password is a one-time password: choose your own first."), _("Sign in with a browser and choose one.")),
        "token.expired": (_("This API token expired on {expired}."), _("Make a new one under Account → API tokens.")),
        "token.unknown": (_("This API token is not known, or was revoked."), _("Make a new one under Account → API tokens.")),
        "token.name_taken": (_("You already have a token named “{name}”."), _("Choose another name, or revoke the old one.")),
        "token.lifetime": (_("A token lives between 1 and {most} days."), _("Choose an expiry within that.")),
        "token.scopes": (_("Choose at least one scope of: {known}."), ""),
        "token.longer": (_("A token cannot make a token that lives longer than itself."), _("Choose an earlier expiry, or make it under Account → API tokens.")),
        "token.wider": (_("A token cannot make a token that may more than itself."), _("Choose fewer scopes.")),
    }
)  # fmt: skip
