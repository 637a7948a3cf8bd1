"""The text of a Dockerfile as stages of instructions.

https://docs.docker.com/reference/dockerfile/
`dockerfile-parse` finds instructions, comments and continued lines; what an instruction means is decided here.
"""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field

from dockerfile_parse import DockerfileParser

from . import words
from .errors import BuildError

KNOWN = frozenset((
    "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER", "RUN",
    "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
))  # fmt: skip
_FROM = re.compile(r"(?P<image>\S+)(?:\s+AS\s+(?P<name>\S+))?", re.IGNORECASE)
_STAGE_NAME = re.compile(r"[a-z][a-z0-9_.-]*")
_HERE_DOCUMENT = re.compile(r"(?:^|\s)<<-?[\"']?\w+")


@dataclass(frozen=True)
class Instruction:
    """One instruction; `line` counts from 1, `options` are its `--name=value`s."""

    line: int
    name: str
    value: str
    options: dict[str, list[str]] = field(default_factory=dict)

    def __str__(self) -> str:
        shown = [f"--{name}={value}" if value else f"--{name}" for name, all_ in self.options.items() for value in all_]
        return " ".join([self.name, *shown, self.value])


@dataclass
class Stage:
    """What stands between one FROM and the next. `image` is as written, variables replaced."""

    index: int
    name: str
    image: str
    line: int
    instructions: list[Instruction] = field(default_factory=list)


@dataclass(frozen=True)
class Dockerfile:
    """A whole file: its stages, and the ARGs before the first FROM with their values."""

    stages: list[Stage]
    arguments: dict[str, str]

    def stage(self, wanted: str) -> Stage | None:
        """Return a stage by name or number; of two with one name the later counts."""
        for stage in reversed(self.stages):
            if wanted.lower() in (stage.name, str(stage.index)):
                return stage
        return None


def parse(text: str, build_arguments: dict[str, str]) -> Dockerfile:
    """Return the stages of a Dockerfile.

    Raises:
        BuildError: with the line, for anything that cannot be built.
    """
    arguments: dict[str, str] = {}
    stages: list[Stage] = []
    for instruction in _instructions(text):
        try:
            if instruction.name == "FROM":
                stages.append(_stage(instruction, stages, arguments))
            elif stages:
                stages[-1].instructions.append(instruction)
            elif instruction.name == "ARG":
                name, _, default = instruction.value.strip().partition("=")
                arguments[name] = build_arguments.get(name, words.replace(default, arguments))
            else:
                raise BuildError("no build stage in current context: FROM comes first", line=instruction.line)
        except words.WordsError as exc:
            raise BuildError(str(exc), line=instruction.line) from exc
    if not stages:
        raise BuildError("the Dockerfile has no FROM")
    return Dockerfile(stages, arguments)


def _instructions(text: str) -> list[Instruction]:
    parser = DockerfileParser(fileobj=io.BytesIO(text.encode()))
    found = []
    for item in parser.structure:
        name, line = item["instruction"].upper(), item["startline"] + 1
        if name == "COMMENT":
            continue
        if name not in KNOWN:
            raise BuildError(f"unknown instruction: {name}", line=line)
        options: dict[str, list[str]] = {}
        value = item["value"]
        if name in ("ADD", "COPY", "FROM", "RUN"):
            options, value = words.options(value)
        if name in ("RUN", "COPY", "ADD") and _HERE_DOCUMENT.search(value):
            raise BuildError(f"{name}: here-documents are not supported by the sandbox's builder", line=line)
        if not value.strip():
            raise BuildError(f"{name} requires at least one argument", line=line)
        found.append(Instruction(line, name, value, options))
    return found


def _stage(instruction: Instruction, stages: list[Stage], arguments: dict[str, str]) -> Stage:
    match = _FROM.fullmatch(words.replace(instruction.value, arguments).strip())
    if match is None:
        message = f"FROM requires an image and optionally AS NAME, not {instruction.value!r} (is an ARG empty?)"
        raise BuildError(message, line=instruction.line)
    name = (match["name"] or "").lower()
    if name and not _STAGE_NAME.fullmatch(name):
        raise BuildError(f"invalid name for build stage: {match['name']!r}", line=instruction.line)
    return Stage(len(stages), name, match["image"], instruction.line)
