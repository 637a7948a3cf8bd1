"""Small JSON files that are never seen half written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def write_json(path: Path, content: Any, mode: int = 0o644) -> None:
    """Replace a file in one step."""
    partial = path.with_name(path.name + ".new")
    partial.touch(mode=mode)
    partial.write_text(json.dumps(content), encoding="utf-8")
    partial.replace(path)


def read_json(path: Path) -> Any:
    """Return the content, or None where there is no such file."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
