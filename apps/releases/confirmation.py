"""Which verbs on a release order ask for a name to be typed in production, so that no click goes there by mistake."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from django.utils.translation import gettext as _

from apps.core.errors import InvalidInput

from .models import ReleaseOrder


def _always(_order: ReleaseOrder) -> bool:
    return True


def _never(_order: ReleaseOrder) -> bool:
    return False


def _where_it_begins(order: ReleaseOrder) -> bool:
    """Submitting changes something only where nobody has to agree and nothing else is waited for."""
    return not order.approvals_needed and order.begins_at_once


VERBS: Mapping[str, Callable[[ReleaseOrder], bool]] = {
    "plan": _never,
    "submit": _where_it_begins,
    "approve": _never,  # a judgement on somebody else's plan, made on a phone: the page shows what it is about
    "reject": _never,
    "execute": _always,
    "stop": _never,  # the way to safety is short
    "retry": _always,
    "rollback": _always,
}


def name_to_type(order: ReleaseOrder, verb: str) -> str:
    """Return what must be typed: the application's short name, the project's for several; empty where nothing must be."""
    if not order.environment.is_production or not VERBS[verb](order):
        return ""
    return str(order.application.project.slug if order.has_several_items else order.application.slug)


def require_name(order: ReleaseOrder, verb: str, typed: str) -> None:
    """Raise unless the name was typed where it must be.

    Raises:
        InvalidInput: it is missing, or another one.
    """
    name = name_to_type(order, verb)
    if name and typed != name:
        raise InvalidInput(fields={"confirm_name": [_("Type “%(name)s” to confirm.") % {"name": name}]})
