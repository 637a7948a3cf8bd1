"""The platform's rules for Dockerfiles: three stages, approved bases, nothing remote, no secrets.

Enforced when a revision is saved and again when it is built: an image may have lost its approval since.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from apps.applications.models import Application
from apps.core import messages
from apps.registry import selectors as registry

from . import selectors
from .models import BaseImage
from .parse import Dockerfile, Instruction, Stage, Unreadable, parse

STAGES = ("clone", "compile", "run")
_SECRET_NAME = re.compile(r"(?i)(passw(or)?d|secret|token|api_?key|private_?key|credential)")
# A variable may hold an address; archives and files of the repository need none.
_REMOTE = re.compile(r"\b(https?|ftp|git|ssh)://|git@|\.git\b|\$", re.IGNORECASE)
_ASSIGNED = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:=(\"[^\"]*\"|'[^']*'|\S*))?")


@dataclass(frozen=True)
class Problem:
    """What is wrong at a line; `blocking` ones refuse the save."""

    line: int
    code: str
    params: Mapping[str, Any] = field(default_factory=dict, hash=False)
    blocking: bool = True

    @property
    def message(self) -> str:
        """Return it in words."""
        return messages.word(self.code, self.params).message

    @property
    def hint(self) -> str:
        """Return the way out."""
        return messages.word(self.code, self.params).hint


def refusals(application: Application, content: str) -> list[Problem]:
    """Return what in `content` breaks the platform's rules for this application, by line."""
    host = registry.registry_host(application.harbor)
    return check(content, host=host, images=selectors.allowed_images(application))


def check(content: str, *, host: str, images: Iterable[BaseImage]) -> list[Problem]:
    """Return what breaks the rules where `images` of the registry at `host` are approved."""
    try:
        dockerfile = parse(content)
    except Unreadable as exc:
        return [Problem(exc.line, "dockerfile.unreadable", {"problem": exc.problem})]
    allowed: dict[str, set[str]] = {stage: set() for stage in STAGES}
    for image in images:
        allowed[image.stage].add(f"{host}/{image.reference}")
    names = tuple(stage.name for stage in dockerfile.stages)
    problems: list[Problem] = []
    if names != STAGES:
        found = ", ".join(name or "(no name)" for name in names)
        problems.append(Problem(dockerfile.stages[0].line, "dockerfile.stages", {"found": found}))
    for stage in dockerfile.stages:
        problems += _check_stage(stage, allowed, names)
    problems += _secrets(dockerfile)
    return sorted(problems, key=lambda problem: problem.line)


def _check_stage(stage: Stage, allowed: Mapping[str, set[str]], names: tuple[str, ...]) -> Iterator[Problem]:
    approved = allowed.get(stage.name, set())
    if stage.image not in approved:
        choices = ", ".join(sorted(approved)) or "-"
        params = {"image": stage.image, "stage": stage.name or "?", "allowed": choices}
        yield Problem(stage.line, "dockerfile.base_not_allowed", params)
    everything = set().union(*allowed.values())
    for instruction in stage.instructions:
        for source in _sources(instruction):
            is_stage = source.lower() in names or source.isdecimal()
            if not is_stage and source not in everything:
                yield Problem(instruction.line, "dockerfile.copy_from_not_allowed", {"image": source})
            elif stage.name == "run" and is_stage and source.lower() not in ("compile", "1"):
                yield Problem(instruction.line, "dockerfile.run_copies_from", {"source": source})
        if instruction.name == "ADD" and _REMOTE.search(instruction.arguments):
            yield Problem(instruction.line, "dockerfile.remote_add")
        if instruction.name == "ONBUILD":
            yield Problem(instruction.line, "dockerfile.on_build")


def _sources(instruction: Instruction) -> Iterator[str]:
    """Yield the stages and images that an instruction reads from: `COPY --from=…`, `RUN --mount=…,from=…`."""
    for name, value in instruction.options:
        if name == "from":
            yield value
        elif name == "mount":
            for setting in value.split(","):
                key, _, source = setting.partition("=")
                if key.strip().lower() == "from":
                    yield source


def _secrets(dockerfile: Dockerfile) -> Iterator[Problem]:
    """Find values given to names that look like secrets. An ARG without a value is only a declaration."""
    body = [instruction for stage in dockerfile.stages for instruction in stage.instructions]
    for instruction in [*dockerfile.preamble, *body]:
        if instruction.name not in ("ARG", "ENV"):
            continue
        for name, value in _assignments(instruction):
            if value.strip("\"'") and _SECRET_NAME.search(name):
                yield Problem(instruction.line, "dockerfile.secret_in_text", {"name": name})
                break


def _assignments(instruction: Instruction) -> list[tuple[str, str]]:
    """Return names and values of an ARG or ENV, also in the old form `ENV NAME value`."""
    first, _, rest = instruction.value.strip().partition(" ")
    if instruction.name == "ENV" and "=" not in first:
        return [(first, rest)]
    return _ASSIGNED.findall(instruction.value)
