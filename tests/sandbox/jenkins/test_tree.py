"""The `tree` query, its grammar and its laws."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.sandbox.jenkins.tree import BadTree, parse, select

NAMES = st.from_regex(r"[a-z_]{1,6}", fullmatch=True)
SHAPES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=12,
)


def test_select_keeps_what_is_named() -> None:
    value = {"_class": "X", "jobs": [{"name": "a", "url": "u", "color": "red"}, {"name": "b", "url": "v"}], "mode": "m"}
    assert select(value, parse("jobs[name,color]")) == {
        "_class": "X",
        "jobs": [{"name": "a", "color": "red"}, {"name": "b"}],
    }
    assert select(value, parse("jobs[name]{1}")) == {"_class": "X", "jobs": [{"name": "b"}]}
    assert select(value, parse("jobs[name]{,1},mode")) == {"_class": "X", "jobs": [{"name": "a"}], "mode": "m"}
    assert select(value, parse("*[name]")) == {"_class": "X", "jobs": [{"name": "a"}, {"name": "b"}], "mode": "m"}


@pytest.mark.parametrize("query", ["a[", "a]", "a[b", "a,,b[", "a{x}", "a{1", "{1}", "a b", "ü"])
def test_malformed_queries_are_refused(query: str) -> None:
    with pytest.raises(BadTree):
        parse(query)


@given(st.text(alphabet="ab,[]{}01 *", max_size=20))
def test_any_text_is_read_or_refused(query: str) -> None:
    try:
        parse(query)
    except BadTree:
        return


@given(SHAPES)
def test_empty_query_selects_everything(value: Any) -> None:
    assert select(value, parse("")) == value


@given(st.dictionaries(NAMES, SHAPES, max_size=4), st.lists(NAMES, min_size=1, max_size=4))
def test_selection_holds_only_named_fields_unchanged(value: dict[str, Any], names: list[str]) -> None:
    chosen = select(value, parse(",".join(names)))
    assert chosen == {name: item for name, item in value.items() if name in names or name == "_class"}
