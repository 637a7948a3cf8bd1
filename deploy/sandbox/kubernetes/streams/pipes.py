"""The streams of a command in a container, as coroutines over its file descriptors."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from deploy.sandbox.kubernetes.pods.client import Execution

_CHUNK = 65536


class Pipes:
    """A running command. Closing lets go of its streams; the command goes on, as on a real node."""

    def __init__(self, execution: Execution) -> None:
        self._execution = execution
        self._stdout: asyncio.StreamReader | None = None
        self._stderr: asyncio.StreamReader | None = None
        self._stdin: int | None = execution.stdin
        self._transports: list[Any] = []

    @classmethod
    async def open(cls, execution: Execution) -> Pipes:
        """Return the streams, ready to read."""
        pipes = cls(execution)
        pipes._stdout = await pipes._reader(os.dup(execution.stdout))
        if execution.stderr is not None:
            pipes._stderr = await pipes._reader(execution.stderr)
        if execution.stdout != execution.stdin:  # else the one descriptor stays for the input
            os.close(execution.stdout)
        return pipes

    async def _reader(self, descriptor: int) -> asyncio.StreamReader:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
        )
        self._transports.append(transport)
        return reader

    async def read_stdout(self) -> bytes:
        """Return the next output; empty at its end."""
        return await _read(self._stdout)

    async def read_stderr(self) -> bytes:
        """Return the next error output; empty at its end, and where a terminal has only one stream."""
        return await _read(self._stderr)

    async def write_stdin(self, content: bytes) -> None:
        """Send input, waiting where the command does not read."""
        loop = asyncio.get_running_loop()
        while content and self._stdin is not None:
            try:
                content = content[os.write(self._stdin, content) :]
            except BlockingIOError:
                ready = loop.create_future()
                loop.add_writer(self._stdin, _set, ready)
                try:
                    await ready
                finally:
                    loop.remove_writer(self._stdin)

    async def close_stdin(self) -> None:
        """End the input; a terminal is told by ^D."""
        if self._stdin is None:
            return
        if self._execution.stderr is None:
            await self.write_stdin(b"\x04")
            return
        os.close(self._stdin)
        self._stdin = None
        await self._execution.end_input()

    async def resize(self, width: int, height: int) -> None:
        """Tell the terminal its size."""
        await self._execution.resize(height, width)

    async def wait(self) -> int:
        """Return the exit code."""
        return await self._execution.wait()

    def close(self) -> None:
        """Let go of the streams."""
        for transport in self._transports:
            transport.close()
        if self._stdin is not None:
            os.close(self._stdin)
            self._stdin = None


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


async def _read(reader: asyncio.StreamReader | None) -> bytes:
    if reader is None:
        return b""
    try:
        return await reader.read(_CHUNK)
    except OSError:  # a terminal whose last process is gone answers EIO
        return b""
