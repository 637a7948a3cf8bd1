"""`./slipway logs [SERVICE] [-f]`: the last lines, and what follows."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from deploy.local.errors import Refusal
from deploy.local.home import Home

LINES = 100
POLL_SECONDS = 0.2
READ_BACK = 256 * 1024


def run(home: Home, service: str | None, *, follow: bool) -> int:
    """Print the logs of one service or of all.

    Raises:
        Refusal: no such service has a log.
    """
    paths = sorted(home.logs.glob("*.log"))
    if service is not None:
        paths = [path for path in paths if path.stem == service]
    if not paths:
        known = ", ".join(sorted(path.stem for path in home.logs.glob("*.log"))) or "none yet"
        raise Refusal(f"there is no log of {service or 'any service'}; there are: {known}")
    followed = [Followed(path, f"{path.stem:<13} " if service is None else "") for path in paths]
    for log in followed:
        log.print_tail(LINES if service else LINES // 10)
    try:
        while follow:
            if not any([log.print_new() for log in followed]):  # noqa: C419 - each is read
                time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        pass
    return 0


class Followed:
    """One log file and how far it was read."""

    def __init__(self, path: Path, prefix: str) -> None:
        self._path = path
        self._prefix = prefix
        self._offset = 0

    def print_tail(self, lines: int) -> None:
        """Print the last lines."""
        size = self._path.stat().st_size
        with self._path.open("rb") as file:
            file.seek(max(0, size - READ_BACK))
            content = file.read(READ_BACK)
        self._offset = size
        self._print(content.splitlines()[-lines:])

    def print_new(self) -> bool:
        """Print what was added since, and return whether there was any."""
        size = self._path.stat().st_size
        if size < self._offset:  # rotated
            self._offset = 0
        if size == self._offset:
            return False
        with self._path.open("rb") as file:
            file.seek(self._offset)
            content = file.read()
        whole = content[: content.rfind(b"\n") + 1]
        self._offset += len(whole)
        self._print(whole.splitlines())
        return bool(whole)

    def _print(self, lines: list[bytes]) -> None:
        for line in lines:
            sys.stdout.write(f"{self._prefix}{line.decode(errors='replace')}\n")
        sys.stdout.flush()
