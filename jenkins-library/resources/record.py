"""What the stages leave for the report: one JSON file each under `$SLIPWAY_WORK/record`.

As a program, `record.py commit` reads `git log`'s fields, separated by NUL, from standard input.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

COMMIT_FIELDS = ("id", "author", "email", "committed_at", "subject")


def folder() -> Path:
    """Return the folder of the records, made where it is missing."""
    records = Path(os.environ["SLIPWAY_WORK"]) / "record"
    records.mkdir(parents=True, exist_ok=True)
    return records


def write(name: str, content: Any) -> None:
    """Write one record so that a reader never sees half of it."""
    path = folder() / f"{name}.json"
    partial = path.with_suffix(".new")
    partial.write_text(json.dumps(content, indent=2), encoding="utf-8")
    partial.replace(path)


def read(name: str) -> Any:
    """Return one record, or None where no stage left it."""
    try:
        return json.loads((folder() / f"{name}.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def commit(line: bytes) -> dict[str, str]:
    """Return the commit that `git log -1 --format=%H%x00%an%x00%ae%x00%cI%x00%s` printed."""
    fields = line.decode("utf-8", "replace").rstrip("\n").split("\0")
    return dict(zip(COMMIT_FIELDS, fields, strict=True))


if __name__ == "__main__":
    if sys.argv[1:] != ["commit"]:
        sys.exit("usage: record.py commit <FIELDS")
    write("commit", commit(sys.stdin.buffer.read()))
