"""The words of this app's codes."""

from django.utils.translation import gettext_lazy as _

from apps.core.messages import register

register(
    {
        "repository.ref_missing": (_("{path} has no branch, tag or commit “{ref}”."), _("It may have been deleted meanwhile; choose another.")),
        "repository.missing": (_("GitLab no longer has the repository {path}, or Slipway's token cannot see it."), _("Ask who owns the repository.")),
        "hook.not_ours": (_("This address is not known, or the token does not fit."), ""),
    }
)  # fmt: skip
