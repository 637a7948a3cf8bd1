from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.integrations.kubernetes import quantity
from apps.manifests import quantity_words

# What a real API server answered for these spellings: k8s.io/apimachinery/pkg/api/resource, Quantity.String().
CANONICAL = {
    "0": "0", "500m": "500m", "0.5": "500m", "1000m": "1", "1": "1", "1000": "1k", "1500": "1500", "100000": "100k",
    "1024Mi": "1Gi", "1536Mi": "1536Mi", "0.5Gi": "512Mi", "512Mi": "512Mi", "1Ki": "1Ki", "0.5Ki": "512",
    "1e3": "1e3", "12e6": "12e6", "1M": "1M", "1.5G": "1500M", "0.0001": "100u", "1n": "1n", "0.1n": "1n", ".5": "500m",
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CANONICAL.items())
def test_canonical_is_the_servers_spelling(text: str, expected: str) -> None:
    assert quantity.canonical(text) == expected


@pytest.mark.parametrize(
    "text", ["", "abc", "1 Gi", "1GiB", "Mi", "1,5", "--1", "1e", "0x10", "1Mi ", "9E30", "\u0661"]
)
def test_refuses_what_is_no_quantity(text: str) -> None:
    assert not quantity.is_valid(text)
    with pytest.raises(quantity.InvalidQuantity):
        quantity.parse(text)


_suffixes = st.sampled_from(["", "n", "u", "m", "k", "M", "G", "Ki", "Mi", "Gi", "e3", "E2", "e-2"])
_numbers = st.decimals(0, 9999, places=3).map(lambda number: f"{number:f}") | st.integers(0, 99999).map(str)
texts = st.builds(lambda number, suffix: number + suffix, _numbers, _suffixes)


@given(texts)
def test_canonical_keeps_the_value_and_is_stable(text: str) -> None:
    once = quantity.canonical(text)
    assert quantity.parse(once) == quantity.parse(text)
    assert quantity.canonical(once) == once


@given(texts, texts)
def test_compare_orders_like_the_values(left: str, right: str) -> None:
    order = quantity.compare(left, right)
    difference = quantity.parse(left) - quantity.parse(right)
    assert order == (difference > 0) - (difference < 0)
    assert order == -quantity.compare(right, left)


@given(st.text(max_size=12))
def test_any_text_is_either_valid_or_refused(text: str) -> None:
    if quantity.is_valid(text):
        assert isinstance(quantity.parse(text), Decimal)
        quantity_words.cpu_words(text)
        quantity.memory_words(text)
        quantity.canonical(text)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (quantity_words.cpu_words("500m"), "0.5 cores"),
        (quantity_words.cpu_words("1"), "1 core"),
        (quantity_words.cpu_words("1m"), "0.001 cores"),
        (quantity.memory_words("512Mi"), "512 MiB"),
        (quantity.memory_words("1.5Gi"), "1.5 GiB"),
        (quantity.memory_words("512m"), "0.51 bytes"),
    ],
)
def test_words_for_people(words: str, expected: str) -> None:
    assert words == expected
