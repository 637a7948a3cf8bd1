"""Amounts of resources by name, and how people read them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from apps.integrations.kubernetes import quantity

Amounts = dict[str, Decimal]


def words(resource: str, amount: Decimal) -> str:
    """Return an amount as the field writes it: `600m`, `256 MiB`, `3`."""
    text = f"{amount:f}"
    return quantity.memory_words(text) if resource.endswith(("memory", "storage")) else quantity.canonical(text)


def read_amounts(found: Mapping[str, Any] | None) -> Amounts:
    """Return quantities by name; what is no quantity is left out."""
    return {name: quantity.parse(str(text)) for name, text in (found or {}).items() if quantity.is_valid(str(text))}


def times(amounts: Amounts, count: int) -> Amounts:
    """Return so many times the amounts."""
    return {name: amount * count for name, amount in amounts.items()}


def plus(one: Amounts, other: Amounts) -> Amounts:
    """Return both together."""
    return {name: one.get(name, Decimal(0)) + other.get(name, Decimal(0)) for name in one.keys() | other.keys()}


def minus(one: Amounts, other: Amounts) -> Amounts:
    """Return what one has more than the other, less than nothing where it has less."""
    return {name: one.get(name, Decimal(0)) - other.get(name, Decimal(0)) for name in one.keys() | other.keys()}


def most_of(*moments: Amounts) -> Amounts:
    """Return the most of each over several moments."""
    names = {name for each in moments for name in each}
    return {name: max(each.get(name, Decimal(0)) for each in moments) for name in names}


def total(amounts: Iterable[Decimal | None]) -> Decimal:
    """Return the sum of those that say something."""
    return sum((amount for amount in amounts if amount is not None), Decimal(0))
