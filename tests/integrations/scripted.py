"""A server on a real socket that answers each request with the next line of a script, however rude."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass
class Reply:
    """What to send, and whether to hold the connection open in silence, or cut it."""

    content: bytes = b""
    hang: bool = False


def answer(status: int = 200, body: object = None, *, headers: dict[str, str] | None = None, cut: int = 0) -> Reply:
    """Return an HTTP answer; `cut` leaves out that many bytes at the end of what was announced."""
    content = body if isinstance(body, bytes) else json.dumps(body if body is not None else {}).encode()
    given = {"Content-Type": "application/json", "Content-Length": str(len(content)), **(headers or {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    sent = content[: len(content) - cut] if cut else content
    return Reply(f"HTTP/1.1 {status} Said\r\n{head}Connection: close\r\n\r\n".encode() + sent)


SILENCE = Reply(hang=True)
CUT = Reply()


@dataclass
class Scripted:
    """The last reply is repeated for ever."""

    url: str
    replies: list[Reply]
    requests: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    headers: list[str] = field(default_factory=list)

    def take(self) -> Reply:
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


@contextmanager
def scripted(*replies: Reply, tls: ssl.SSLContext | None = None) -> Iterator[Scripted]:
    listener = socket.create_server(("127.0.0.1", 0))
    scheme = "https" if tls else "http"
    server = Scripted(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}", list(replies))
    over = threading.Event()

    def talk(connection: socket.socket) -> None:
        try:
            with tls.wrap_socket(connection, server_side=True) if tls else connection as channel:
                converse(channel)
        except OSError:
            connection.close()

    def converse(channel: socket.socket) -> None:
        received = b""
        while b"\r\n\r\n" not in received:
            received += (chunk := channel.recv(65536))
            if not chunk:
                return
        head, _, body = received.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        while length and len(body) < int(length[1]):
            body += channel.recv(65536)
        server.requests.append(head.split(b" HTTP/")[0].decode())
        server.headers.append(head.decode())
        server.bodies.append(body)
        reply = server.take()
        channel.sendall(reply.content)
        if reply.hang:
            over.wait(10)

    def listen() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            if over.is_set():
                connection.close()
                return
            threading.Thread(target=talk, args=(connection,), daemon=True).start()

    listening = threading.Thread(target=listen, daemon=True)
    listening.start()
    try:
        yield server
    finally:
        over.set()
        # A thread that waits in accept() keeps the socket open: wake it.
        with contextlib.suppress(OSError), socket.create_connection(listener.getsockname(), timeout=1):
            listener.close()
        listening.join(timeout=5)


def closed_port() -> str:
    """Return a URL where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"
