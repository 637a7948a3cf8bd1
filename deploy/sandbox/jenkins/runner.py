"""The process of one build: `python -m deploy.sandbox.jenkins.runner`, with its order as JSON on standard input.

It leaves the server at once (own session, own files), so that a build outlives a killed or restarted server.
SIGTERM is a person's stop. The last thing it writes is `result.json`.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from . import processes
from .builds import now_ms
from .console import Console
from .files import write_json
from .pipeline import Order, Pipeline


def detach(folder: Path) -> bool:
    """Go on as a process of our own; return True there, and False in the process that the server waits for."""
    # A stop may come before the handler is there: it must not kill us; the order to stop is also on disk.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = os.fork()
    if child:
        write_json(folder / "process.json", {"pid": child, "started": processes.start_time(child)})
        return False
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    trouble = os.open(folder / "runner.err", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    os.dup2(trouble, 2)
    return True


def main() -> None:
    """Read the order, detach, run the pipeline and write its result."""
    order = Order(**json.load(sys.stdin))
    folder = Path(order.folder)
    if not detach(folder):
        return
    processes.adopt_orphans()
    console = Console(folder / "log")
    pipeline = Pipeline(order, console)

    def stop(*_: object) -> None:
        pipeline.stop_asked = True

    signal.signal(signal.SIGTERM, stop)
    if (folder / "stop.json").exists():
        stop()
    result = "FAILURE"
    try:
        result = pipeline.run()
    finally:
        console.close()
        write_json(folder / "result.json", {"result": result, "ended": now_ms()})


if __name__ == "__main__":
    main()
