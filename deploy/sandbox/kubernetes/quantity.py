"""Quantities such as `250m`, `64Mi` or `1e3`, as exact numbers and back.

https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

_PATTERN = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][+-]?\d+)?")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}


def parse(value: Any) -> Decimal:
    """Return the number that a quantity stands for.

    Raises:
        ValueError: it is no quantity.
    """
    match = _PATTERN.fullmatch(str(value).strip())
    if match is None:
        raise ValueError("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
    number, unit = Decimal(match[1]), match[2] or ""
    if unit in _BINARY:
        return number * Decimal(1024) ** _BINARY[unit]
    if unit in _DECIMAL:
        return number.scaleb(_DECIMAL[unit])
    return number * (Decimal(10) ** int(unit[1:]) if unit else 1)


def text(number: Decimal, *, binary: bool) -> str:
    """Return the shortest usual form: `150m`, `2`, `192Mi`."""
    if number == 0:
        return "0"
    if binary:
        for unit, power in reversed(_BINARY.items()):
            whole, rest = divmod(number, Decimal(1024) ** power)
            if rest == 0 and whole:
                return f"{whole:f}{unit}"
    if number == number.to_integral_value():
        return f"{number.to_integral_value():f}"
    return f"{(number * 1000).to_integral_value():f}m"


def is_binary(name: str) -> bool:
    """Return whether amounts of this resource are written in Ki, Mi, Gi."""
    return name.rpartition(".")[2] in ("memory", "storage", "ephemeral-storage")


def canonical(value: Any) -> Any:
    """Return a quantity as the server writes it back: always text (`1` for the number 1, `500m` for 0.5)."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    return text(Decimal(str(value)), binary=False)
