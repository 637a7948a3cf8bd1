"""`./slipway demo [--exit]`: `up`, then the story of a release through the console."""

from __future__ import annotations

import subprocess

from deploy.local.home import CHECKOUT, Home
from deploy.local.running import stop_everything

from .up import bring_up

STORY = "import sys; from deploy.local.story import run; sys.exit(run(exit_after={}))"


def run(home: Home, *, exit_after: bool) -> int:
    """Tell the story and return 0 only if every step of it was confirmed from outside."""
    try:
        installed = bring_up(home)
        # The story uses what is installed, so it runs under the environment's Python.
        environment = installed.environment() | {"SLIPWAY_HOME": str(home.root)}
        return subprocess.run(
            [home.python, "-c", STORY.format(exit_after)], cwd=CHECKOUT, env=environment, check=False
        ).returncode
    finally:
        if exit_after:
            stop_everything(home)
