"""Make the scanners' environment: `python -m deploy.sandbox.scanners --into DIR [--pip "COMMAND"]`.

Flow: lock DIR -> nothing to do where its mark says these requirements and this Python -> remove what is
there -> a virtual environment without pip -> install, hashes required -> write the mark last.
Only the standard library: this runs before anything is installed.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
MARK = "slipway-requirements"


class CannotInstall(Exception):
    """The environment could not be made; the text says why."""


def programs(folder: Path) -> Path:
    """Return the folder of the scanners' programs, to be put on a PATH."""
    return folder / "bin"


def is_ready(folder: Path) -> bool:
    """Return whether the environment is there and of these requirements and this Python."""
    try:
        return (folder / MARK).read_text() == _wanted()
    except OSError:
        return False


def ensure(folder: Path, pip: list[str] | None = None) -> bool:
    """Make the environment in `folder` where it is not ready; return whether there was something to do.

    `pip` is the command to install with (default: this Python's pip, else uv); it must know `--python`
    as pip 22.3 and uv do.

    Raises:
        CannotInstall: there is no pip, or installing failed.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _locked(folder.with_name(folder.name + ".lock")):
        if is_ready(folder):
            return False
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, symlinks=True, with_pip=False)
        _install(folder, pip or _default_pip())
        (folder / MARK).write_text(_wanted())
        return True


def _wanted() -> str:
    return f"{hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()} {sys.version} {sys.base_prefix}"


def _default_pip() -> list[str]:
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    if uv := shutil.which("uv"):
        return [uv, "pip"]
    raise CannotInstall("neither pip nor uv is here; name a pip with --pip")


def _install(folder: Path, pip: list[str]) -> None:
    python = str(programs(folder) / "python")
    if Path(pip[0]).name == "uv":
        command = [*pip, "install", "--python", python]
    else:
        command = [*pip, "--python", python, "install", "--disable-pip-version-check"]
    command += ["--quiet", "--require-hashes", "--requirement", str(REQUIREMENTS)]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if result.returncode != 0:
        last = (result.stdout.strip().splitlines() or ["no output"])[-1]
        raise CannotInstall(f"installing the scanners failed: {last}")


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
