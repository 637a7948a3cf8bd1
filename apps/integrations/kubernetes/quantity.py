"""Kubernetes quantities: ``500m``, ``512Mi``, ``1e3``.

https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/

The API server stores a quantity in one canonical spelling (``1024Mi`` becomes ``1Gi``). We render that spelling, so
that stored manifests and live objects do not differ in words only.
"""

import re
from decimal import ROUND_CEILING, Context, Decimal, localcontext

_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_DECIMAL_SUFFIX = {power: suffix for suffix, power in _DECIMAL.items()}
_QUANTITY = re.compile(
    r"(?P<number>[+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30}))"
    r"(?:(?P<binary>[KMGTPE]i)|(?P<exponent>[eE][+-]?\d{1,2})|(?P<decimal>[numkMGTPE]?))\Z",
    re.ASCII,
)
_NANO = Decimal("1e-9")
# The server keeps 64 bits; larger numbers are capped there, which nobody ever means.
_LARGEST = Decimal(2**63 - 1)
# Wide enough for the longest number the pattern admits, times the largest suffix, without rounding.
_EXACT = Context(prec=120)

CORE = Decimal(1)
MEBIBYTE = Decimal(2**20)


class InvalidQuantity(ValueError):
    """The text is not a quantity that the API server would accept."""


def _split(text: str) -> tuple[Decimal, str]:
    """Return the exact value of `text` and the format it was written in: binary, decimal or exponent."""
    match = _QUANTITY.match(text)
    if match is None:
        raise InvalidQuantity(text)
    with localcontext(_EXACT):
        return _value_and_form(match)


def _value_and_form(match: re.Match[str]) -> tuple[Decimal, str]:
    number = Decimal(match["number"])
    if match["binary"]:
        value, form = number * 2 ** _BINARY[match["binary"]], "binary"
    elif match["exponent"]:
        value, form = number.scaleb(int(match["exponent"][1:])), "exponent"
    else:
        value, form = number.scaleb(_DECIMAL[match["decimal"]]), "decimal"
    if abs(value) > _LARGEST:
        raise InvalidQuantity(match[0])
    # Below a nano unit the server rounds away from zero.
    sign = -1 if value < 0 else 1
    return sign * abs(value).quantize(_NANO, rounding=ROUND_CEILING), form


def parse(text: str) -> Decimal:
    """Return the value of a quantity in its base unit (cores, bytes).

    Raises:
        InvalidQuantity: `text` is not a quantity.
    """
    return _split(text)[0]


def is_valid(text: str) -> bool:
    """Tell whether `text` is a quantity."""
    try:
        parse(text)
    except InvalidQuantity:
        return False
    return True


def canonical(text: str) -> str:
    """Return the spelling in which the API server stores `text`.

    Raises:
        InvalidQuantity: `text` is not a quantity.
    """
    value, form = _split(text)
    if value == 0:
        return "0"
    if form == "binary" and abs(value) >= 1024 and value == value.to_integral_value():
        return _format_binary(int(value))
    return _format_decimal(value, exponent=form == "exponent")


def _format_binary(value: int) -> str:
    suffix = ""
    for name in _BINARY:
        if value % 1024:
            break
        value //= 1024
        suffix = name
    return f"{value}{suffix}"


def _format_decimal(value: Decimal, *, exponent: bool) -> str:
    """Write `value` without a fraction and with the largest power of a thousand that allows it."""
    power = -9
    mantissa = int(value * 10**9)
    while power < 18 and mantissa % 1000 == 0:
        mantissa //= 1000
        power += 3
    if exponent:
        return f"{mantissa}e{power}" if power else str(mantissa)
    return f"{mantissa}{_DECIMAL_SUFFIX[power]}"


def compare(left: str, right: str) -> int:
    """Return -1, 0 or 1 as `left` is less than, equal to or more than `right`.

    Raises:
        InvalidQuantity: one of them is not a quantity.
    """
    first, second = parse(left), parse(right)
    return (first > second) - (first < second)


def trim(value: Decimal) -> str:
    """Return a number with two decimals at most."""
    text = f"{value:.2f}"
    return text.rstrip("0").rstrip(".") or "0"


def memory_words(text: str) -> str:
    """Return a memory quantity as a person says it: ``512Mi`` is "512 MiB".

    Raises:
        InvalidQuantity: `text` is not a quantity.
    """
    value = parse(text)
    for unit, power in (("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)):
        if value >= 2**power:
            return f"{trim(value / 2**power)} {unit}"
    return f"{trim(value)} bytes"
