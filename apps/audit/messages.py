"""The words of this app's codes."""

from django.utils.translation import gettext_lazy as _

from apps.core.messages import register

register({"audit.not_a_time": (_("This is neither a day (2026-01-31) nor an ISO time."), "")})
