"""Why something failed or waits, in one line: `{% load causes %}{{ deployment|cause_of }}`."""

from __future__ import annotations

from typing import Any

from django import template

from apps.core import messages

register = template.Library()


@register.filter
def cause_of(row: Any) -> str:
    """Return the cause that a build or deployment stored, in words; empty where there is none."""
    if row.cause_code:
        return messages.word(row.cause_code, row.cause_params).message
    return messages.word(row.error_code, row.error_params).message if row.error_code else ""
