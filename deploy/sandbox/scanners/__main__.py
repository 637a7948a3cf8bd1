"""Make the scanners' environment where it is not ready: `python -m deploy.sandbox.scanners --into DIR`."""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

from .environment import CannotInstall, ensure


def main() -> None:
    """Read the arguments and make the environment; end with 1 and one line where that fails."""
    parser = argparse.ArgumentParser(prog="python -m deploy.sandbox.scanners", description=__doc__)
    parser.add_argument("--into", type=Path, required=True, help="folder of the environment")
    parser.add_argument("--pip", type=shlex.split, help="command to install with (default: this Python's pip, else uv)")
    arguments = parser.parse_args()
    try:
        made = ensure(arguments.into.absolute(), arguments.pip)
    except CannotInstall as exc:
        sys.exit(str(exc))
    sys.stdout.write("scanners installed\n" if made else "scanners ready\n")


if __name__ == "__main__":
    main()
