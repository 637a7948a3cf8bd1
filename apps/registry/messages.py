"""The words of this app's codes."""

from django.utils.translation import gettext_lazy as _

from apps.core.messages import register

register({"registry.image_gone": (_("The registry no longer has the image {digest}."), _("Build that commit again, or choose another version."))})  # fmt: skip
