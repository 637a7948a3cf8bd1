"""One build on disk. The runner writes; the server only reads, so either may be killed at any time.

build.json     what was asked for, before anything runs     process.json   the runner
progress.json  the stages so far                             log            the console
result.json    the end                                       archive/       the artifacts
"""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import processes
from .files import read_json, write_json


def now_ms() -> int:
    """Return the time as Jenkins counts it."""
    return round(time.time() * 1000)


@dataclass(frozen=True)
class Build:
    """Build `number` of the job `job`."""

    job: str
    number: int
    folder: Path

    @property
    def asked(self) -> dict[str, Any]:
        """Return queue_id, parameters (as the API shows them), user, timestamp, executor."""
        asked: dict[str, Any] = read_json(self.folder / "build.json")
        return asked

    @property
    def end(self) -> dict[str, Any] | None:
        """Return result and ended (milliseconds), or None while the build runs."""
        end: dict[str, Any] | None = read_json(self.folder / "result.json")
        return end

    @property
    def stages(self) -> list[dict[str, Any]]:
        """Return the stages that began so far."""
        return read_json(self.folder / "progress.json") or []

    @property
    def log(self) -> Path:
        """Return the file of the console."""
        return self.folder / "log"

    @property
    def archive(self) -> Path:
        """Return the folder of the artifacts."""
        return self.folder / "archive"

    def artifacts(self) -> list[str]:
        """Return the artifacts' paths."""
        if not self.archive.is_dir():
            return []
        return sorted(str(path.relative_to(self.archive)) for path in self.archive.rglob("*") if path.is_file())

    def is_running(self) -> bool:
        """Return whether its runner lives."""
        return _living(self.folder / "process.json") is not None

    def stop(self, user: str) -> None:
        """Ask the runner to stop; nothing where the build has ended."""
        if self.end is None:
            write_json(self.folder / "stop.json", {"user": user})
            if runner := _living(self.folder / "process.json"):
                os.kill(runner, signal.SIGTERM)

    def bury(self) -> None:
        """End a build whose runner died without a result; what it left running is killed."""
        if self.end is not None:
            return
        if stage := _living(self.folder / "stage.json"):
            processes.signal_group(stage, signal.SIGKILL)
        result = "ABORTED" if (self.folder / "stop.json").exists() else "FAILURE"
        with self.log.open("a") as log:
            log.write(f"ERROR: the process of this build ended without a result\nFinished: {result}\n")
        self._finish(result)

    def _finish(self, result: str) -> None:
        for stage in (stages := self.stages):
            if stage["ended"] is None:
                stage |= {"status": "ABORTED" if result == "ABORTED" else "FAILED", "ended": now_ms()}
        write_json(self.folder / "progress.json", stages)
        write_json(self.folder / "result.json", {"result": result, "ended": now_ms()})


def _living(path: Path) -> int | None:
    """Return the number of the process that a file names, or None where it is gone."""
    process = read_json(path)
    return process["pid"] if process and processes.is_alive(process["pid"], process["started"]) else None
