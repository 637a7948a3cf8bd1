"""Which files of the context a .dockerignore leaves out.

https://docs.docker.com/build/concepts/context/#dockerignore-files: patterns are rooted at the context, `**` crosses
folders, `!` takes back, and the last pattern that matches decides.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path


class Ignore:
    """The patterns of one file."""

    def __init__(self, text: str) -> None:
        self._rules: list[tuple[bool, re.Pattern[str]]] = []
        for line in text.splitlines():
            pattern = line.strip()
            if not pattern or line.startswith("#"):
                continue
            back = pattern.startswith("!")
            pattern = posixpath.normpath(pattern.removeprefix("!").strip().lstrip("/"))
            self._rules.append((back, re.compile(f"{translate(pattern)}(?:/.*)?")))

    @classmethod
    def read(cls, context: Path) -> Ignore:
        """Return the patterns of a context; none where it has no .dockerignore."""
        file = context / ".dockerignore"
        return cls(file.read_text(errors="replace") if file.is_file() else "")

    def hides(self, path: str) -> bool:
        """Return whether a file (its path in the context) is left out."""
        hidden = False
        for back, pattern in self._rules:
            if pattern.fullmatch(path):
                hidden = not back
        return hidden


def translate(pattern: str) -> str:
    """Return the regular expression for one pattern of Go's filepath.Match with `**`."""
    expression, position = "", 0
    while position < len(pattern):
        if pattern.startswith("**/", position):
            expression, position = expression + "(?:.*/)?", position + 3
        elif pattern.startswith("**", position):
            expression, position = expression + ".*", position + 2
        elif pattern[position] == "*":
            expression, position = expression + "[^/]*", position + 1
        elif pattern[position] == "?":
            expression, position = expression + "[^/]", position + 1
        elif pattern[position] == "[" and "]" in pattern[position + 2 :]:
            end = pattern.index("]", position + 2)
            members = pattern[position + 1 : end].replace("\\", "\\\\").replace("[", "\\[")
            expression, position = expression + f"[{members}]", end + 1
        elif pattern[position] == "\\" and position + 1 < len(pattern):
            expression, position = expression + re.escape(pattern[position + 1]), position + 2
        else:
            expression, position = expression + re.escape(pattern[position]), position + 1
    return expression
