"""The console of a build: lines appended to a file, secrets masked as Jenkins's Credentials Binding does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MASK = b"****"
SHORTEST_SECRET = 3  # masking shorter ones would destroy the log and hide nothing


class Console:
    """Appends to the log of one build. Whole lines only, so that no secret is cut in two."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab", buffering=0)
        self._secrets: list[bytes] = []
        self._pending = b""

    @contextmanager
    def masking(self, secrets: list[str]) -> Iterator[None]:
        """Mask these values, line by line, in all that is written meanwhile."""
        before = self._secrets
        lines = {line.encode() for secret in secrets for line in secret.splitlines() if len(line) >= SHORTEST_SECRET}
        self._secrets = sorted({*before, *lines}, key=len, reverse=True)
        try:
            yield
        finally:
            self.flush()
            self._secrets = before

    def say(self, *lines: str) -> None:
        """Write lines of the server's own."""
        self.write("".join(f"{line}\n" for line in lines).encode())

    def write(self, output: bytes) -> None:
        """Write a program's output; what follows the last line end waits for the rest of its line."""
        whole, end, self._pending = (self._pending + output).rpartition(b"\n")
        if end:
            self._file.write(self._masked(whole + end))

    def flush(self) -> None:
        """End a line that a program left open."""
        if self._pending:
            self.write(b"\n")

    def close(self) -> None:
        """Write what is left."""
        self.flush()
        self._file.close()

    def _masked(self, text: bytes) -> bytes:
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text
