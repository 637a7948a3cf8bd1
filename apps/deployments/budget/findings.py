"""What a judgement consists of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

OK, WARN, STOP = "ok", "warn", "stop"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found, with its numbers; `level` says whether it lets through."""

    code: str
    level: str
    params: Mapping[str, Any] = field(default_factory=dict)
