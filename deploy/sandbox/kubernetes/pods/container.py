"""One run of one container in its shim: its process, its output to the log and to who is attached, its end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pty
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.sandbox.isolation.enter import StartError, Streams, start
from deploy.sandbox.isolation.spec import Mode, Spec

from . import memory
from .attachments import Attachments
from .log import LogFile

DRAIN_FOR = 0.3  # a child that was left behind may hold a finished container's output open
_CHUNK = 65536


@dataclass
class Run:
    """One run of one container. Times are seconds since 1970."""

    name: str
    attempt: int
    pid: int = 0
    started: float = 0.0
    finished: float | None = None
    exit_code: int | None = None
    signal: int | None = None
    oom: bool = False
    error: str | None = None  # why it could not be started


class Container:
    """A run together with its streams and its memory limit."""

    def __init__(self, run: Run, spec: Spec, folder: Path, limit: int | None, stdin: str = "") -> None:
        self.run, self.spec, self.folder, self.limit = run, spec, folder, limit
        self.exited = False
        self.attachments = Attachments(None, once=stdin == "once", terminal=spec.terminal)
        self._log = LogFile(folder / "log")
        self._wants_input = bool(stdin)
        self._open_streams: set[int] = set()

    def start(self) -> None:
        """Start the process and begin to read what it writes; a failure is noted in `run`."""
        theirs, outputs = self._terminal_streams() if self.spec.terminal else self._pipe_streams()
        run = self.run
        try:
            run.pid = start(self.spec, Streams(*theirs))
            run.started = time.time()
        except StartError as exc:
            run.error, run.exit_code, run.finished = str(exc), 128, time.time()
            self.exited = True
        finally:
            for fd in set(theirs):
                os.close(fd)
        loop = asyncio.get_running_loop()
        for stream, reader in outputs.items():
            if self.exited:
                os.close(reader)
                continue
            os.set_blocking(reader, False)
            self._open_streams.add(reader)
            loop.add_reader(reader, self._read_output, stream, reader)
        if self.exited:
            self._log.close()
            self.attachments.finish()

    def _terminal_streams(self) -> tuple[tuple[int, int, int], dict[str, int]]:
        ours, theirs = pty.openpty()
        self.attachments.stdin = os.dup(ours)
        return (theirs, theirs, theirs), {"stdout": ours}

    def _pipe_streams(self) -> tuple[tuple[int, int, int], dict[str, int]]:
        stdout, stderr = os.pipe(), os.pipe()
        stdin = os.open(os.devnull, os.O_RDONLY)
        if self._wants_input:
            os.close(stdin)
            stdin, self.attachments.stdin = os.pipe()
            os.set_blocking(self.attachments.stdin, False)
        return (stdin, stdout[1], stderr[1]), {"stdout": stdout[0], "stderr": stderr[0]}

    def _read_output(self, stream: str, reader: int) -> None:
        try:
            chunk = os.read(reader, _CHUNK)
        except BlockingIOError:
            return
        except OSError:  # a terminal whose last process is gone answers EIO
            chunk = b""
        if chunk:
            self._log.write(stream, chunk)
            self.attachments.write(stream, chunk)
            return
        self._close_output(reader)

    def _close_output(self, reader: int) -> None:
        asyncio.get_running_loop().remove_reader(reader)
        self._open_streams.discard(reader)
        os.close(reader)

    async def finish(self, code: int) -> None:
        """Read the rest of the output, note how the process ended and write it down."""
        finished = time.time()
        if self.spec.mode is Mode.NONE:  # no namespace took the descendants with it
            self.kill()
        deadline = time.monotonic() + DRAIN_FOR
        while self._open_streams and time.monotonic() < deadline:  # noqa: ASYNC110 - bounded
            await asyncio.sleep(0.01)
        for reader in list(self._open_streams):
            self._close_output(reader)
        self._log.close()
        self.attachments.finish()
        run = self.run
        run.finished, run.exit_code = finished, code if code >= 0 else 128 - code
        run.signal = -code if code < 0 else None
        if run.oom:
            run.exit_code = 128 + signal.SIGKILL
        self.save()

    def kill(self) -> None:
        """Kill all of its processes."""
        if self.run.pid and (not self.exited or self.spec.mode is Mode.NONE):
            for pid in memory.tree(self.run.pid):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            if self.spec.mode is Mode.NONE:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self.run.pid, signal.SIGKILL)

    def save(self) -> None:
        """Write the run down, so that it is known even when the shim is gone."""
        partial = self.folder / "state.new"
        partial.write_text(json.dumps(asdict(self.run)))
        partial.replace(self.folder / "state.json")
