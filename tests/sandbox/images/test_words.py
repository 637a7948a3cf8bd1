"""Words and variables of Dockerfile instructions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.sandbox.images.builder import words

KNOWN = {"NAME": "value", "SPACED": "a b", "EMPTY": ""}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b", ["a", "b"]),
        ("$NAME ${NAME}x", ["value", "valuex"]),
        ('"$SPACED" $SPACED', ["a b", "a b"]),
        ("'$NAME' \\$NAME", ["$NAME", "$NAME"]),
        ("${MISSING:-default} ${EMPTY:-default} ${NAME:-default}", ["default", "default", "value"]),
        ("${NAME:+set} ${MISSING:+set}", ["set", ""]),
        ("x$MISSING.y", ["x.y"]),
        ('"a \\" b" a\\ b', ['a " b', "a b"]),
        ('""', [""]),
        ("", []),
    ],
)
def test_split(text: str, expected: list[str]) -> None:
    assert words.split(text, KNOWN) == expected


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=20)))
def test_single_quotes_keep_everything_but_themselves(texts: list[str]) -> None:
    kept = [text.replace("'", "") for text in texts]
    assert words.split(" ".join(f"'{text}'" for text in kept), KNOWN) == kept


@given(st.text(st.characters(exclude_characters="'\"\\$", exclude_categories=["Cs"]), max_size=40))
def test_without_quotes_words_end_at_spaces(text: str) -> None:
    assert words.split(text, KNOWN) == text.split()


@pytest.mark.parametrize("text", ["'", 'a "b', "'a' 'b", '"\\"'])
def test_a_quote_has_to_end(text: str) -> None:
    with pytest.raises(words.WordsError, match="quote does not end"):
        words.split(text, KNOWN)


def test_pairs_in_both_forms() -> None:
    assert words.pairs('A=1 B="two words" C=$NAME', KNOWN) == [("A", "1"), ("B", "two words"), ("C", "value")]
    assert words.pairs("PATH /opt/bin  and more", KNOWN) == [("PATH", "/opt/bin and more")]
    for bad in ("A", "A=1 B", "=x"):
        with pytest.raises(words.WordsError):
            words.pairs(bad, KNOWN)


def test_options_and_exec_form() -> None:
    assert words.options("--from=compile --chown=1:2 a b") == ({"from": ["compile"], "chown": ["1:2"]}, "a b")
    assert words.exec_form('["a", "b c"]') == ["a", "b c"]
    assert words.exec_form("[ -f x ]") is None
    assert words.exec_form('["a", 1]') is None
