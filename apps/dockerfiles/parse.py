"""The structure of a Dockerfile: stages, bases, instructions with their lines. Pure.

https://docs.docker.com/reference/dockerfile/
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import BytesIO

from dockerfile_parse import DockerfileParser

_FROM = re.compile(r"^(?:--platform=\S+\s+)?(?P<image>\S+)(?:\s+AS\s+(?P<name>[A-Za-z0-9_.-]+))?\s*$", re.IGNORECASE)
_FLAG = re.compile(r"^--(?P<name>[a-z-]+)=(?P<value>\S+)\s*")


class Unreadable(ValueError):  # noqa: N818
    """The text is no Dockerfile; `line` says where, 1 for the whole."""

    def __init__(self, problem: str, line: int = 1) -> None:
        super().__init__(problem)
        self.problem, self.line = problem, line


@dataclass(frozen=True)
class Instruction:
    """One instruction; `line` and `end_line` count from 1. `flags` are those before its arguments (`--from=x`)."""

    name: str
    value: str
    line: int
    end_line: int

    @property
    def flags(self) -> dict[str, str]:
        """Return the flags."""
        found, rest = {}, self.value.lstrip()
        while match := _FLAG.match(rest):
            found[match["name"].lower()] = match["value"]
            rest = rest[match.end() :]
        return found

    @property
    def arguments(self) -> str:
        """Return the value without its flags."""
        rest = self.value.lstrip()
        while match := _FLAG.match(rest):
            rest = rest[match.end() :]
        return rest


@dataclass(frozen=True)
class Stage:
    """One stage: its name (empty where it has none), the image it is based on, and its instructions after FROM."""

    name: str
    image: str
    line: int
    instructions: tuple[Instruction, ...]


@dataclass(frozen=True)
class Dockerfile:
    """A parsed Dockerfile. `preamble` are the ARGs before the first FROM."""

    preamble: tuple[Instruction, ...]
    stages: tuple[Stage, ...]


def parse(content: str) -> Dockerfile:
    """Return the structure of a Dockerfile.

    Raises:
        Unreadable: no FROM, something before it, or a FROM that is none.
    """
    try:
        structure = DockerfileParser(fileobj=BytesIO(content.encode())).structure
    except (ValueError, KeyError, IndexError) as exc:
        raise Unreadable(str(exc)) from exc
    instructions = [
        Instruction(item["instruction"].upper(), item["value"], item["startline"] + 1, item["endline"] + 1)
        for item in structure
        if item["instruction"] != "COMMENT"
    ]
    preamble: list[Instruction] = []
    stages: list[tuple[str, str, int, list[Instruction]]] = []
    for instruction in instructions:
        if instruction.name == "FROM":
            match = _FROM.match(instruction.value.strip())
            if match is None:
                raise Unreadable(f"FROM {instruction.value}: expected FROM <image> [AS <name>]", instruction.line)
            stages.append(((match["name"] or "").lower(), match["image"], instruction.line, []))
        elif stages:
            stages[-1][3].append(instruction)
        elif instruction.name == "ARG":
            preamble.append(instruction)
        else:
            raise Unreadable(f"{instruction.name} before the first FROM", instruction.line)
    if not stages:
        raise Unreadable("there is no FROM")
    return Dockerfile(
        tuple(preamble), tuple(Stage(name, image, line, tuple(body)) for name, image, line, body in stages)
    )
