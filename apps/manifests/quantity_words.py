"""Quantities as a person says them, in the reader's language."""

from __future__ import annotations

from decimal import Decimal

from django.utils.translation import gettext as _

from apps.integrations.kubernetes import quantity


def cpu_words(text: str) -> str:
    """Return a CPU quantity as a person says it: ``500m`` is "0.5 cores".

    Raises:
        InvalidQuantity: `text` is not a quantity.
    """
    value = quantity.parse(text)
    if value == 1:
        return _("1 core")
    count = quantity.trim(value) if value >= Decimal("0.01") else f"{value.normalize():f}"
    return _("{count} cores").format(count=count)
