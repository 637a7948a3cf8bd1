"""Find one's way in a console log of Jenkins: clean lines, where each stage stands, and the line that made it fail. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07|[\x00-\x08\x0b-\x1f]")
_OPENED = re.compile(r"\[Pipeline\] \{ \((?P<title>[^)]*)\)")
_CLOSED = "[Pipeline] // stage"
_PIPELINE = "[Pipeline] "
_ERROR = re.compile(
    r"\b(?:error|fatal|panic|traceback|exception|failed|failure|not found|no such file|denied|cannot|could not)\b"
    r"|\b\w+(?:Error|Exception)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Section:
    """The lines of one stage; `first` and `last` count from 1, both inside."""

    title: str
    first: int
    last: int


@dataclass(frozen=True)
class Excerpt:
    """Some lines of a log around the one that matters. All numbers count from 1 in the whole log."""

    first: int
    lines: tuple[str, ...]
    marked: int

    @property
    def numbered(self) -> list[tuple[int, str, bool]]:
        """Return each line with its number and whether it is the one that matters."""
        return [(self.first + n, line, self.first + n == self.marked) for n, line in enumerate(self.lines)]


def split_lines(text: str) -> list[str]:
    """Return the lines of a log without colours and control characters; only a line feed ends a line."""
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    return [_ESCAPES.sub("", line.rstrip("\r").rpartition("\r")[2]) for line in lines]


def sections(lines: Sequence[str]) -> list[Section]:
    """Return the stages that a log names, in order; one that was cut short ends with the log."""
    found: list[Section] = []
    title, first = "", 0
    for number, line in enumerate(lines, start=1):
        if opened := _OPENED.search(line):
            if first:
                found.append(Section(title, first, number - 1))
            title, first = opened["title"], number + 1
        elif first and line.startswith(_CLOSED):
            found.append(Section(title, first, number - 1))
            first = 0
    if first:
        found.append(Section(title, first, len(lines)))
    return [section for section in found if section.last >= section.first]


def failing_line(lines: Sequence[str], title: str = "") -> int | None:
    """Return the number of the line that made a stage fail: its last that speaks of an error, else its last one.

    Without a stage, or where the log does not name it, the whole log is looked at.
    """
    section = next((each for each in reversed(sections(lines)) if each.title == title), None)
    first, last = (section.first, section.last) if section else (1, len(lines))
    said = [
        number
        for number in range(first, last + 1)
        if lines[number - 1].strip() and not lines[number - 1].startswith(_PIPELINE)
    ]
    if not said:
        return None
    return next((number for number in reversed(said) if _ERROR.search(lines[number - 1])), said[-1])


def excerpt(lines: Sequence[str], marked: int, *, before: int = 12, after: int = 4) -> Excerpt:
    """Return the lines around line `marked`."""
    first = max(1, marked - before)
    return Excerpt(first, tuple(lines[first - 1 : marked + after]), marked)
