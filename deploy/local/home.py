"""Where everything is: the checkout and the state folder (`.slipway/`, or `$SLIPWAY_HOME`)."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Home:
    """The state folder of one installation."""

    root: Path
    # Environments that the user made, or another installation; nothing is installed into them.
    named_venv: Path | None = None
    named_scanners: Path | None = None

    @classmethod
    def locate(cls, environ: Mapping[str, str]) -> Home:
        """Return the state folder that the environment names, made where it is missing."""
        named = environ.get("SLIPWAY_HOME")
        root = Path(named).expanduser().resolve() if named else CHECKOUT / ".slipway"
        home = cls(root, _folder(environ, "SLIPWAY_VENV"), _folder(environ, "SLIPWAY_SCANNERS"))
        for folder in (home.root, home.data, home.logs, home.run):
            folder.mkdir(parents=True, exist_ok=True)
        home.secrets.mkdir(mode=0o700, exist_ok=True)
        return home

    @property
    def venv(self) -> Path:
        """The virtual environment."""
        return self.named_venv or self.root / "venv"

    @property
    def scanners(self) -> Path:
        """The environment of the scanners that the sandbox's builds run."""
        return self.named_scanners or self.sandbox / "scanners"

    @property
    def python(self) -> Path:
        """The Python of the virtual environment."""
        return self.venv / "bin" / "python"

    @property
    def data(self) -> Path:
        """What the embedded services keep."""
        return self.root / "data"

    @property
    def logs(self) -> Path:
        """A log file per service."""
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """What is running and where."""
        return self.root / "run"

    @property
    def secrets(self) -> Path:
        """Generated keys and passwords; nobody else may look."""
        return self.root / "secrets"

    @property
    def sandbox(self) -> Path:
        """The sandbox's state."""
        return self.root / "sandbox"

    @property
    def endpoints(self) -> Path:
        """Where the sandbox says how to reach its servers."""
        return self.sandbox / "endpoints.json"


def _folder(environ: Mapping[str, str], name: str) -> Path | None:
    named = environ.get(name)
    # A virtual environment is told by its own path: where that is a link, it stays one.
    return Path(named).expanduser().absolute() if named else None


def read_json(path: Path) -> Any:
    """Return a JSON file's content, or None where it is missing or half written."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner may read; a kill leaves the old content or the new."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    partial.replace(path)


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file as `write_private` does."""
    write_private(path, json.dumps(content, indent=1))
