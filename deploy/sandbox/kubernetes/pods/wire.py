"""One line of JSON and the open files that go with it, over a unix socket."""

from __future__ import annotations

import array
import asyncio
import contextlib
import json
import os
import socket
from typing import Any

LONGEST = 4 * 1024 * 1024
MOST_FILES = 4


async def send(sock: socket.socket, message: dict[str, Any], files: tuple[int, ...] = ()) -> None:
    """Send one message; the receiver gets copies of `files`."""
    text = json.dumps(message).encode() + b"\n"
    sent = 0
    if files:
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))]
        sent = sock.sendmsg([text], ancillary)  # fits the buffer: answers with files are short
    await asyncio.get_running_loop().sock_sendall(sock, text[sent:])


class Receiver:
    """Reads messages from one socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._buffer = b""
        self.files: list[int] = []

    async def receive(self) -> dict[str, Any] | None:
        """Return the next message, or None when the other side is gone. Received files are added to `files`."""
        while b"\n" not in self._buffer:
            if len(self._buffer) > LONGEST:
                return None
            try:
                chunk = await self._read()
            except OSError:
                return None
            if not chunk:
                return None
            self._buffer += chunk
        line, self._buffer = self._buffer.split(b"\n", 1)
        message: dict[str, Any] = json.loads(line)
        return message

    def take_files(self) -> list[int]:
        """Return the files received so far; closing them is the caller's."""
        files, self.files = self.files, []
        return files

    async def _read(self) -> bytes:
        loop = asyncio.get_running_loop()
        while True:
            try:
                data, ancillary, _, _ = self._sock.recvmsg(65536, socket.CMSG_SPACE(MOST_FILES * 4))
            except BlockingIOError:
                await _readable(loop, self._sock.fileno())
                continue
            for level, kind, content in ancillary:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    numbers = array.array("i")
                    numbers.frombytes(content[: len(content) - len(content) % numbers.itemsize])
                    for number in numbers:
                        os.set_inheritable(number, False)
                    self.files += numbers
            return data


async def _readable(loop: asyncio.AbstractEventLoop, fd: int) -> None:
    waiter = loop.create_future()
    loop.add_reader(fd, lambda: waiter.done() or waiter.set_result(None))
    try:
        await waiter
    finally:
        with contextlib.suppress(ValueError, OSError):
            loop.remove_reader(fd)
