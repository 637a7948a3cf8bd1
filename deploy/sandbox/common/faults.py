"""Switches that make a server fail on purpose, scoped by server, method and a pattern of the path.

Scoping by path (a namespace, a project) lets many tests share one sandbox.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Kind = Literal[
    "slow",  # wait `seconds`, then answer as usual
    "late",  # take the request in, wait `seconds`, then do the work even where the caller has left
    "status",  # answer `status` (with `retry_after` seconds where given) without doing the work
    "drop",  # close the connection without doing the work
    "drop_after",  # do the work, then close the connection without an answer
    "cut_stream",  # end a watch or a followed log after `seconds`
    "lost_webhook",  # a server that would call out keeps silent
]
KINDS: tuple[str, ...] = Kind.__args__  # type: ignore[attr-defined]


@dataclass
class Fault:
    """One switch. `times` is how often it still strikes; None means until it is cleared."""

    kind: Kind
    server: str = ".*"
    method: str = ".*"
    path: str = ".*"
    seconds: float = 0.0
    status: int = 503
    retry_after: int | None = None
    times: int | None = 1
    id: int = field(default=0)

    def strikes(self, server: str, method: str, path: str) -> bool:
        """Return whether this fault is meant for such a request (full match of server and method, search in path)."""
        return bool(
            self.times != 0
            and re.fullmatch(self.server, server)
            and re.fullmatch(self.method, method)
            and re.search(self.path, path)
        )


class Faults:
    """All switches of one sandbox process."""

    def __init__(self) -> None:
        self._faults: dict[int, Fault] = {}
        self._ids = itertools.count(1)

    def add(self, **settings: Any) -> Fault:
        """Switch a fault on and return it.

        Raises:
            ValueError: an unknown kind or setting, or a pattern that is no regular expression.
        """
        unknown = set(settings) - set(Fault.__dataclass_fields__)
        if unknown or settings.get("kind") not in KINDS:
            raise ValueError(f"a fault has kind (one of {', '.join(KINDS)}) and no {', '.join(sorted(unknown))}")
        for pattern in ("server", "method", "path"):
            re.compile(settings.get(pattern, ""))
        fault = Fault(**settings)
        fault.id = next(self._ids)
        self._faults[fault.id] = fault
        return fault

    def take(self, server: str, method: str, path: str, kinds: tuple[str, ...]) -> Fault | None:
        """Return the first fault of `kinds` that strikes this request, counting it as used, or None."""
        for fault in self._faults.values():
            if fault.kind in kinds and fault.strikes(server, method, path):
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None

    def clear(self, fault_id: int | None = None) -> None:
        """Switch one fault off, or all."""
        if fault_id is None:
            self._faults.clear()
        else:
            self._faults.pop(fault_id, None)

    def as_list(self) -> list[dict[str, Any]]:
        """Return all faults that are still on."""
        return [asdict(fault) for fault in self._faults.values() if fault.times != 0]
