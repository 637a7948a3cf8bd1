"""The difference of two texts as rows a page can show: numbered lines, changed words marked, long agreement folded."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

CONTEXT = 3


@dataclass(frozen=True, slots=True)
class Row:
    """One line: `kind` is same, added, removed or skipped; `parts` are (changed, text) pieces of the line."""

    kind: str
    old: int | None = None
    new: int | None = None
    parts: Sequence[tuple[bool, str]] = ()
    count: int = 0


@dataclass(frozen=True, slots=True)
class TextDiff:
    """All rows, and how many lines came and went."""

    rows: Sequence[Row] = field(default_factory=tuple)
    added: int = 0
    removed: int = 0

    @property
    def is_empty(self) -> bool:
        """Return whether both texts are the same."""
        return not (self.added or self.removed)


def diff_texts(before: str, after: str, *, context: int = CONTEXT) -> TextDiff:
    """Compare two texts line by line."""
    old, new = before.splitlines(), after.splitlines()
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    rows: list[Row] = []
    added = removed = 0
    blocks = matcher.get_opcodes()
    for index, (tag, i1, i2, j1, j2) in enumerate(blocks):
        if tag == "equal":
            rows.extend(_agreement(old, i1, i2, j1, context, first=index == 0, last=index == len(blocks) - 1))
            continue
        added += j2 - j1
        removed += i2 - i1
        rows.extend(_change(old[i1:i2], new[j1:j2], i1 + 1, j1 + 1))
    return TextDiff(rows if added or removed else (), added, removed)


def _agreement(
    lines: Sequence[str], start: int, end: int, other: int, context: int, *, first: bool, last: bool
) -> Iterator[Row]:
    """Yield the lines both sides share, folding those far from any change."""
    head = 0 if first else context
    tail = 0 if last else context
    hidden = end - start - head - tail
    shift = other - start
    for position in range(start, end):
        if hidden > 1 and start + head <= position < end - tail:
            if position == start + head:
                yield Row("skipped", count=hidden)
            continue
        yield Row("same", position + 1, position + shift + 1, ((False, lines[position]),))


def _change(removed: Sequence[str], added: Sequence[str], old: int, new: int) -> Iterator[Row]:
    """Yield a block of changed lines; where it is one for one, only the words that differ are marked."""
    pairs = [_words(a, b) for a, b in zip(removed, added, strict=True)] if len(removed) == len(added) else None
    for offset, line in enumerate(removed):
        yield Row("removed", old + offset, None, pairs[offset][0] if pairs else ((False, line),))
    for offset, line in enumerate(added):
        yield Row("added", None, new + offset, pairs[offset][1] if pairs else ((False, line),))


def _words(before: str, after: str) -> tuple[Sequence[tuple[bool, str]], Sequence[tuple[bool, str]]]:
    """Split two lines into what they share and what differs: the common beginning and end stay unmarked."""
    limit = min(len(before), len(after))
    head = next((i for i in range(limit) if before[i] != after[i]), limit)
    tail = 0
    while tail < limit - head and before[-1 - tail] == after[-1 - tail]:
        tail += 1

    def pieces(line: str) -> Sequence[tuple[bool, str]]:
        middle = line[head : len(line) - tail]
        parts = ((False, line[:head]), (True, middle), (False, line[len(line) - tail :]))
        return tuple((changed, text) for changed, text in parts if text)

    return pieces(before), pieces(after)
