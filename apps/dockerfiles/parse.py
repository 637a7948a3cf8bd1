"""The structure of a Dockerfile: stages, bases, instructions with their lines. Pure.

https://docs.docker.com/reference/dockerfile/
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import BytesIO

from dockerfile_parse import DockerfileParser

_FROM = re.compile(r"^(?:--platform=\S+\s+)?(?P<image>\S+)(?:\s+AS\s+(?P<name>[A-Za-z0-9_.-]+))?\s*$", re.IGNORECASE)
_OPTION = re.compile(r"--(?P<name>[A-Za-z-]+)(?:=(?P<value>\S*))?(?:\s+|$)")
_DIRECTIVE = re.compile(r"^(syntax|escape|check)\s*=", re.IGNORECASE)
_HERE_DOCUMENT = re.compile(r"(?:^|\s)\d*<<-?[\"']?\w")
# What a builder knows. Another word is refused: it may be the rest of an instruction that the builder reads differently
# than we do (a blank line inside a continuation ends it here, and does not there).
INSTRUCTIONS = frozenset(
    {
        "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER",
        "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
    }
)  # fmt: skip


class Unreadable(ValueError):
    """The text is no Dockerfile; `line` says where, 1 for the whole."""

    def __init__(self, problem: str, line: int = 1) -> None:
        super().__init__(problem)
        self.problem, self.line = problem, line


@dataclass(frozen=True)
class Instruction:
    """One instruction; `line` and `end_line` count from 1."""

    name: str
    value: str
    line: int
    end_line: int

    @property
    def options(self) -> list[tuple[str, str]]:
        """Return what stands before its arguments, in order (`--from=x` is `("from", "x")`); a name may come twice."""
        return [(match["name"].lower(), match["value"] or "") for match in self._options()]

    @property
    def arguments(self) -> str:
        """Return the value without its options."""
        return self.value.lstrip()[sum(len(match[0]) for match in self._options()) :]

    def _options(self) -> list[re.Match[str]]:
        found: list[re.Match[str]] = []
        rest, place = self.value.lstrip(), 0
        while match := _OPTION.match(rest, place):
            found.append(match)
            place = match.end()
        return found


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
        Unreadable: no FROM, something before it, a FROM that is none, or what builders may read differently than we do.
    """
    try:
        structure = DockerfileParser(fileobj=BytesIO(content.encode())).structure
    except (ValueError, KeyError, IndexError) as exc:
        raise Unreadable(str(exc)) from exc
    instructions: list[Instruction] = []
    for item in structure:
        line = item["startline"] + 1
        if item["instruction"] == "COMMENT":
            if not instructions and _DIRECTIVE.match(item["value"]):
                raise Unreadable(f"the directive “# {item['value']}” changes how the text is read", line)
            continue
        instructions.append(Instruction(item["instruction"].upper(), item["value"], line, item["endline"] + 1))
    preamble: list[Instruction] = []
    stages: list[tuple[str, str, int, list[Instruction]]] = []
    for instruction in instructions:
        _require_plain(instruction)
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


def _require_plain(instruction: Instruction) -> None:
    """Refuse what a builder may read differently than we do: our reading decides which images are approved.

    Raises:
        Unreadable: it is such an instruction.
    """
    if instruction.name not in INSTRUCTIONS:
        raise Unreadable(f"{instruction.name[:40]} is no instruction", instruction.line)
    if instruction.name in ("RUN", "COPY", "ADD") and _HERE_DOCUMENT.search(instruction.value):
        raise Unreadable("here-documents (<<) are not taken; put the text into a file", instruction.line)
    if instruction.name in ("CMD", "ENTRYPOINT", "SHELL", "ENV", "ARG", "LABEL"):
        return
    unclear = any(set(value) & set("\"'\\") for _name, value in instruction.options)
    if unclear or (instruction.name != "RUN" and instruction.arguments.startswith("--")):
        raise Unreadable("an option (--…) must be plain: no quotes, no backslashes", instruction.line)
