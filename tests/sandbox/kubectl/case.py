"""One line of a table: what is typed, the exit code, and what must be seen in the answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml

Check = Callable[[str], bool]


@dataclass(frozen=True)
class Case:
    """`kubectl ARGUMENTS < text` ends with `code` and prints what `seen` wants.

    In arguments and text `$image`, `$image2`, `$node` and `$ns` stand for what they are in the sandbox. `seen` is the whole
    output (standard and error output together), or a check of it.
    """

    arguments: str
    seen: str | Check
    text: str = ""
    code: int = 0

    def met_by(self, output: str) -> bool:
        """Return whether the output is what is wanted."""
        if isinstance(self.seen, str):
            return output.rstrip("\n") == self.seen
        return self.seen(output)


def has(*parts: str) -> Check:
    """Want all of the parts somewhere, in this order; runs of blanks count as one."""

    def check(output: str) -> bool:
        flat, place = " ".join(output.split()), 0
        for part in parts:
            place = flat.find(" ".join(part.split()), place)
            if place < 0:
                return False
        return True

    check.__name__ = f"has{parts}"
    return check


def like(pattern: str) -> Check:
    """Want the whole output to match a regular expression."""

    def check(output: str) -> bool:
        return re.fullmatch(pattern, output.strip(), re.DOTALL) is not None

    check.__name__ = f"like({pattern})"
    return check


def table(head: str, *rows: str) -> Check:
    """Want exactly these columns and rows; a row is given by regular expressions for its cells, with two blanks between."""

    def check(output: str) -> bool:
        lines = [re.split(r"\s{2,}", line.strip()) for line in output.strip().splitlines()]
        wanted = [re.split(r"\s{2,}", row) for row in rows]
        if lines[0] != re.split(r"\s{2,}", head) or len(lines) != len(rows) + 1:
            return False
        cells = [cell for line in lines[1:] for cell in line]
        patterns = [pattern for row in wanted for pattern in row]
        return len(cells) == len(patterns) and all(map(re.fullmatch, patterns, cells))

    check.__name__ = f"table({head!r}, {rows})"
    return check


def document(**wanted: Any) -> Check:
    """Want a YAML or JSON document with these values; `metadata__name="web"` goes down, `spec__containers__0__image` into lists."""

    def check(output: str) -> bool:
        found = json.loads(output) if output.lstrip().startswith("{") else yaml.safe_load(output)
        return all(_down(found, path.split("__")) == value for path, value in wanted.items())

    check.__name__ = f"document({wanted})"
    return check


def _down(value: Any, path: list[str]) -> Any:
    for part in path:
        try:
            value = value[int(part)] if isinstance(value, list) else value[part]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def words(*wanted: str) -> Check:
    """Want at least these words among the output's."""

    def check(output: str) -> bool:
        return set(wanted) <= set(output.split())

    check.__name__ = f"words{wanted}"
    return check
