"""Who asked which server for what: one JSON line a request, kept in memory and on disk.

Tests prove "nothing twice" with it. Bodies are not kept, only their SHA-256 and what a server notes about a
request (`request["journal"]["…"] = …`), so that no secret value ends up here.
"""

from __future__ import annotations

import json
import time
from collections import deque
from pathlib import Path
from typing import Any

KEPT_IN_MEMORY = 50_000


class Journal:
    """The journal of one sandbox process, appended to `path`."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._entries: deque[dict[str, Any]] = deque(maxlen=KEPT_IN_MEMORY)
        if path.exists():
            for line in path.read_text().splitlines()[-KEPT_IN_MEMORY:]:
                try:
                    self._entries.append(json.loads(line))
                except ValueError:
                    continue  # the last line of a killed process may be half written
        self._next = self._entries[-1]["n"] + 1 if self._entries else 1
        self._file = path.open("a", buffering=1)

    def record(self, **entry: Any) -> dict[str, Any]:
        """Append one entry (n and at are added) and return it."""
        entry = {"n": self._next, "at": round(time.time(), 3), **entry}
        self._next += 1
        self._entries.append(entry)
        self._file.write(json.dumps(entry, separators=(",", ":")) + "\n")
        return entry

    def entries(self, *, server: str | None = None, since: int = 0) -> list[dict[str, Any]]:
        """Return the entries with n > since, oldest first, of one server or of all."""
        return [e for e in self._entries if e["n"] > since and (server is None or e["server"] == server)]
