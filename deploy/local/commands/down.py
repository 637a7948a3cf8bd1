"""`./slipway down` stops everything and keeps the data; `./slipway reset` removes the data too."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from deploy.local.console import step
from deploy.local.embedded.owner import find_owner, find_place
from deploy.local.errors import Refusal
from deploy.local.home import Home
from deploy.local.lock import exclusive
from deploy.local.running import stop_everything


def run(home: Home) -> int:
    """Stop everything."""
    with exclusive(home.run / "up.lock"), step("stopping"):
        stop_everything(home)
    return 0


def reset(home: Home, *, confirmed: bool) -> int:
    """Stop everything and remove all data; the installed packages stay.

    Raises:
        Refusal: nobody is there to confirm.
    """
    if not confirmed:
        if not sys.stdin.isatty():
            raise Refusal("reset removes all data of this installation; say so with --yes")
        print(f"This removes the database, the sandbox and all keys of {home.root}.")
        if input("Type reset to go on: ").strip() != "reset":
            print("Nothing was removed.")
            return 1
    with exclusive(home.run / "up.lock"):
        with step("stopping"):
            stop_everything(home)
        with step("removing data"):
            shutil.rmtree(find_place(home.data / "postgres", find_owner()), ignore_errors=True)
            for folder in (home.data, home.secrets, home.logs):
                shutil.rmtree(folder, ignore_errors=True)
            for path in home.sandbox.glob("*"):
                if path.name != "scanners":  # installed packages, as the virtual environment
                    _remove(path)
            for path in home.run.glob("*"):
                if path.suffix != ".lock":
                    _remove(path)
    return 0


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
