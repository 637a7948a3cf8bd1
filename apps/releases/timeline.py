"""Write the timeline of a release order."""

from __future__ import annotations

from typing import Any

from .models import ReleaseEntry, ReleaseOrder

INFO, WARNING, ERROR = "info", "warning", "error"


def note(order: ReleaseOrder, code: str, level: str = INFO, **params: Any) -> None:
    """Add an entry, unless the last one says exactly that: an order that waits does not fill the page."""
    last = ReleaseEntry.objects.filter(order=order).order_by("-id").first()
    if last is None or (last.code, last.params, last.level) != (code, params, level):
        ReleaseEntry.objects.create(order=order, code=code, level=level, params=params)
