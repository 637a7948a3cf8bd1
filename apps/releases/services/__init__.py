"""Verbs on release orders, the only writers of them. Steps are in `steps.py`, test orders in `testing.py`.

    create -> draft with a plan -> submit (plan made again and frozen) -> approvals sign its hash -> executing -> ended
Calls to clusters and the registry are made before a transaction, never inside. Every verb that moves an order locks its
row first, so two people at once are two people one after another.
"""

from .approving import approve_order, reject_order
from .carrying_out import advance_order, note_deployment, retry_order, start_order, stop_order
from .drafting import Wish, create_order, make_plan, submit_order
from .undoing import roll_back_order

__all__ = [
    "Wish",
    "advance_order",
    "approve_order",
    "create_order",
    "make_plan",
    "note_deployment",
    "reject_order",
    "retry_order",
    "roll_back_order",
    "start_order",
    "stop_order",
    "submit_order",
]
