"""Two texts side by side: rows of an old and a new line, long agreement folded."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

CONTEXT = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One row: `kind` is same, changed or skipped; a side without a line has number 0."""

    kind: str
    old: int = 0
    old_text: str = ""
    new: int = 0
    new_text: str = ""
    count: int = 0


def side_by_side(before: str, after: str, *, context: int = CONTEXT) -> list[Row]:
    """Return the rows of two texts, none when they are equal."""
    old, new = before.splitlines(), after.splitlines()
    if old == new:
        return []
    rows: list[Row] = []
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for position, (tag, i1, i2, j1, j2) in enumerate(opcodes := matcher.get_opcodes()):
        if tag == "equal":
            head = context if position else 0
            tail = context if position < len(opcodes) - 1 else 0
            rows += _agreement(old[i1:i2], i1, j1, head, tail)
        else:
            rows += [
                Row("changed", *(left or (0, "")), *(right or (0, "")))
                for left, right in zip_longest(enumerate(old[i1:i2], start=i1 + 1), enumerate(new[j1:j2], start=j1 + 1))
            ]
    return rows


def _agreement(lines: Sequence[str], old: int, new: int, head: int, tail: int) -> list[Row]:
    rows = [Row("same", old + n + 1, line, new + n + 1, line) for n, line in enumerate(lines)]
    hidden = len(rows) - head - tail
    if hidden <= 1:
        return rows
    return [*rows[:head], Row("skipped", count=hidden), *rows[len(rows) - tail :]]
