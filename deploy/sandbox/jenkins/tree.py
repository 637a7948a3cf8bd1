"""The `tree` query of Jenkins's remote API: `jobs[name,url],lastBuild[number]{0,10}`.

https://www.jenkins.io/doc/book/using/remote-access-api/ (section "Controlling the amount of data")
"""

from __future__ import annotations

import re
from typing import Any

TOKEN = re.compile(r"\s*(?P<name>[\w*]+)|\s*(?P<mark>[\[\],])|\s*\{(?P<range>[\d,\s]*)\}\s*|\s+$", re.ASCII)
Tree = dict[str, tuple["Tree", slice]]


class BadTree(ValueError):
    """The query cannot be read."""


def parse(query: str) -> Tree:
    """Return what a query asks for, by name; an empty inner tree means "whatever that holds".

    Raises:
        BadTree: the query is malformed.
    """
    tokens = []
    position = 0
    while position < len(query):
        match = TOKEN.match(query, position)
        if match is None or match.end() == position:
            raise BadTree(f"unexpected {query[position]!r} at {position}")
        position = match.end()
        if match.lastgroup:
            tokens.append((match.lastgroup, match.group(match.lastgroup)))
    tree, rest = _fields(tokens, 0)
    if rest != len(tokens):
        raise BadTree(f"unexpected {tokens[rest][1]!r}")
    return tree


def _fields(tokens: list[tuple[str, str]], position: int) -> tuple[Tree, int]:
    tree: Tree = {}
    while position < len(tokens) and tokens[position][0] == "name":
        name = tokens[position][1]
        position += 1
        inner: Tree = {}
        window = slice(None)
        if position < len(tokens) and tokens[position] == ("mark", "["):
            inner, position = _fields(tokens, position + 1)
            if position >= len(tokens) or tokens[position] != ("mark", "]"):
                raise BadTree("a bracket is not closed")
            position += 1
        if position < len(tokens) and tokens[position][0] == "range":
            window = _window(tokens[position][1])
            position += 1
        tree[name] = (inner, window)
        if position >= len(tokens) or tokens[position] != ("mark", ","):
            break
        position += 1
    return tree, position


def _window(text: str) -> slice:
    """Return the slice of `{M,N}`, `{M,}`, `{,N}` or `{N}` (only the Nth)."""
    first, comma, last = (part.strip() for part in text.partition(","))
    try:
        start = int(first) if first else 0
        end = int(last) if last else None
    except ValueError as exc:
        raise BadTree(f"no range: {{{text}}}") from exc
    return slice(start, end) if comma else slice(start, start + 1)


def select(value: Any, tree: Tree) -> Any:
    """Return of `value` what the tree asks for; `_class` always stays, as in Jenkins."""
    if isinstance(value, list):
        return [select(item, tree) for item in value]
    if not isinstance(value, dict) or not tree:
        return value
    chosen = {"_class": value["_class"]} if "_class" in value else {}
    for name, item in value.items():
        inner, window = tree.get(name) or tree.get("*") or (None, slice(None))
        if inner is not None:
            chosen[name] = select(item[window] if isinstance(item, list) else item, inner)
    return chosen
