"""Celery's workers, with a note of how long each task took: `celery -A tests.bench.worker worker`."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from celery.signals import task_postrun, task_prerun

from paas.celery import app

__all__ = ["app"]

NOTES = "BENCH_NOTES"  # the variable that names the file
_began: dict[str, float] = {}


@task_prerun.connect
def begin(task_id: str, **_more: Any) -> None:
    """Remember when a task began."""
    _began[task_id] = time.monotonic()


@task_postrun.connect
def end(task_id: str, **_more: Any) -> None:
    """Write down what it took; a line is short enough to be written whole by several processes."""
    with Path(os.environ[NOTES]).open("a") as notes:
        notes.write(f"{time.monotonic() - _began.pop(task_id):.4f}\n")
