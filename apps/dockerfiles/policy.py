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
from .parse import Dockerfile, Stage, Unreadable, parse

STAGES = ("clone", "compile", "run")
_SECRET_NAME = re.compile(r"(?i)(passw(or)?d|secret|token|api_?key|private_?key|credential)")
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
        source = instruction.flags.get("from", "") if instruction.name == "COPY" else ""
        is_stage = source.lower() in names or source.isdecimal()
        if source and not is_stage and source not in everything:
            yield Problem(instruction.line, "dockerfile.copy_from_not_allowed", {"image": source})
        if stage.name == "run" and is_stage and source.lower() not in ("compile", "1"):
            yield Problem(instruction.line, "dockerfile.run_copies_from", {"source": source})
        remote = instruction.name == "ADD" and re.search(r"\b(https?|ftp)://|git@", instruction.arguments)
        if remote:
            yield Problem(instruction.line, "dockerfile.remote_add")


def _secrets(dockerfile: Dockerfile) -> Iterator[Problem]:
    """Find values given to names that look like secrets. An ARG without a value is only a declaration."""
    body = [instruction for stage in dockerfile.stages for instruction in stage.instructions]
    for instruction in [*dockerfile.preamble, *body]:
        if instruction.name not in ("ARG", "ENV"):
            continue
        for name, value in _ASSIGNED.findall(instruction.value):
            if value.strip("\"'") and _SECRET_NAME.search(name):
                yield Problem(instruction.line, "dockerfile.secret_in_text", {"name": name})
                break
