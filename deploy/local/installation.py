"""The virtual environment: made without ensurepip, filled with pinned and hashed requirements, once.

Flow: lock -> is the environment's Python well? -> for each group of requirements whose mark is missing or
old: install -> write the mark last, so that whatever was killed is done again.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from . import pip
from .console import Step, step
from .errors import Refusal
from .home import CHECKOUT, Home, read_json, write_json
from .lock import exclusive

RUN = ("requirements.txt", "deploy/sandbox/requirements.txt")
TESTS = ("tests/requirements.txt",)
TITLES = {RUN: "packages of Slipway and the sandbox", TESTS: "packages of the tests"}


def ensure_scanners(home: Home) -> None:
    """Make the scanners' environment; their many requirements would clash with Slipway's own.

    Raises:
        Refusal: installing failed, or there is none where `SLIPWAY_SCANNERS` says.
    """
    mark = home.scanners / "slipway-requirements"
    if home.named_scanners is not None:
        if not mark.exists():
            raise Refusal(f"SLIPWAY_SCANNERS names {home.scanners}, where the scanners are not")
        return
    newest = (CHECKOUT / "deploy/sandbox/scanners/requirements.txt").stat().st_mtime
    if mark.exists() and mark.stat().st_mtime > newest:
        return
    home.sandbox.mkdir(exist_ok=True)
    command = [str(home.python), "-m", "deploy.sandbox.scanners", "--into", str(home.scanners)]
    with step("scanners for the builds"):
        done = subprocess.run(
            [*command, "--pip", " ".join(pip.command(home.python, os.environ))],
            cwd=CHECKOUT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            reason = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1]
            raise Refusal(f"the scanners cannot be installed: {reason}")


def ensure(home: Home, *, tests: bool = False) -> None:
    """Make the virtual environment ready; quick where it is.

    Raises:
        Refusal: Python lacks a module that every Python should have, installing failed, or there is none where
            `SLIPWAY_VENV` says.
    """
    if home.named_venv is not None:
        if not home.python.exists():
            raise Refusal(f"SLIPWAY_VENV names {home.venv}, where there is no virtual environment")
        return
    groups = (RUN, TESTS) if tests else (RUN,)
    if all(_is_ready(home, group) for group in groups):
        return
    with exclusive(home.run / "setup.lock"):
        if not _python_works(home):
            _create(home)
        for group in groups:
            if not _is_ready(home, group):
                _install(home, group)


def _mark(home: Home, group: tuple[str, ...]) -> Path:
    return home.venv / f"slipway-{hashlib.sha256(' '.join(group).encode()).hexdigest()[:8]}.json"


def _wanted(group: tuple[str, ...]) -> dict[str, str]:
    digest = hashlib.sha256()
    for name in group:
        digest.update((CHECKOUT / name).read_bytes())
    return {"requirements": digest.hexdigest(), "python": sys.version, "base": sys.base_prefix}


def _is_ready(home: Home, group: tuple[str, ...]) -> bool:
    return read_json(_mark(home, group)) == _wanted(group) and home.python.exists()


def _python_works(home: Home) -> bool:
    """Return whether the environment's Python is ours; an upgraded or removed Python leaves a broken link."""
    try:
        done = subprocess.run(
            [home.python, "-c", "import sys; print(sys.version)"],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0 and done.stdout.strip() == sys.version.strip()


def _create(home: Home) -> None:
    with step("virtual environment"):
        shutil.rmtree(home.venv, ignore_errors=True)
        try:
            venv.create(home.venv, symlinks=True, with_pip=False)
        except (OSError, subprocess.CalledProcessError) as exc:
            raise Refusal(f"the virtual environment {home.venv} cannot be made: {exc}") from exc


def _install(home: Home, group: tuple[str, ...]) -> None:
    log = home.logs / "setup.log"
    arguments = [part for name in group for part in ("--requirement", str(CHECKOUT / name))]
    command = [
        *pip.command(home.python, os.environ),
        "install",
        "--require-hashes",
        "--progress-bar",
        "off",
        *arguments,
    ]
    with step(TITLES[group]) as progress, log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(
            command, cwd=CHECKOUT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert process.stdout is not None
        reason = ""
        seen = 0
        for line in process.stdout:
            file.write(line)
            if line.startswith("ERROR:"):
                reason = line.removeprefix("ERROR:").strip()
            seen += line.startswith("Collecting ")
            _show(progress, line, seen)
        if process.wait():
            raise Refusal(f"installing the {TITLES[group]} failed: {reason or 'pip was stopped'} (see {log})")
        write_json(_mark(home, group), _wanted(group))
        progress.result = f"{seen} packages" if seen else ""


def _show(progress: Step, line: str, seen: int) -> None:
    if match := re.match(r"(?:Collecting|Downloading) (\S+)", line):
        progress.say(f"{seen}, {match.group(1).rsplit('/', 1)[-1]}")
    elif line.startswith("Installing collected"):
        progress.say("unpacking")
