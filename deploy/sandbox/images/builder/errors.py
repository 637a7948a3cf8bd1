"""Errors of a build, each with the place in the Dockerfile that it belongs to."""

from __future__ import annotations


class BuildError(Exception):
    """The build cannot go on; `line` is the Dockerfile's where one is to blame, `code` the exit code to end with."""

    def __init__(self, message: str, *, line: int | None = None, code: int = 125) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.code = code

    def __str__(self) -> str:
        return self.message if self.line is None else f"Dockerfile:{self.line}: {self.message}"
