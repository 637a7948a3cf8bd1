"""Run a command in a container and talk to it, over a WebSocket: terminals stand on this.

Each message begins with the number of its channel. Version 5 of the protocol can close stdin; with version 4 a
command that reads to the end never ends.
https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#exec
https://github.com/kubernetes/kubernetes/blob/master/staging/src/k8s.io/apimachinery/pkg/util/remotecommand/constants.go
"""

from __future__ import annotations

import contextlib
import enum
import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import msgspec
import websockets
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, WebSocketException

from apps.integrations.connection import ClusterConnection
from apps.integrations.errors import IntegrationError, Unavailable, Untrusted
from apps.integrations.http import certificate_refused

from .answers import SYSTEM, error_from
from .channels import CONNECT_SECONDS, context_of, headers_of
from .kinds import kind_of

OPERATION = "run command"
PROTOCOLS = [websockets.Subprotocol("v5.channel.k8s.io"), websockets.Subprotocol("v4.channel.k8s.io")]
MESSAGE_LIMIT = 1024 * 1024
# Few messages wait in memory; the next ones wait in the container.
QUEUED_MESSAGES = 16


class Channel(enum.IntEnum):
    """The first byte of a message."""

    STDIN = 0
    STDOUT = 1
    STDERR = 2
    ERROR = 3
    RESIZE = 4
    CLOSE = 255


@dataclass(frozen=True)
class Output:
    """What the command wrote, and to which of its outputs; with a terminal all is stdout."""

    channel: Channel
    content: bytes


@dataclass(frozen=True)
class Exit:
    """How the command ended: its exit code, or why it could not run (then `code` is None)."""

    code: int | None
    message: str = ""


class CommandSession:
    """A command that runs. Read it by iterating; `exit` is known when the iteration has ended."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.exit: Exit | None = None

    @property
    def can_close_stdin(self) -> bool:
        """Return whether the server speaks the version of the protocol that can."""
        return self._socket.subprotocol == PROTOCOLS[0]

    async def __aiter__(self) -> AsyncIterator[Output]:
        try:
            async for message in self._socket:
                content = message.encode() if isinstance(message, str) else message
                if not content:
                    continue
                if content[0] == Channel.ERROR:
                    self.exit = parse_exit(content[1:])
                elif content[0] in (Channel.STDOUT, Channel.STDERR) and len(content) > 1:
                    yield Output(Channel(content[0]), content[1:])
        except ConnectionClosed as exc:
            if self.exit is None:
                raise Unavailable(SYSTEM, OPERATION, None, f"the connection was lost: {exc}") from exc

    async def write(self, content: bytes) -> None:
        """Send to the command's stdin; what comes after its end is dropped."""
        await self._send(Channel.STDIN, content)

    async def resize(self, columns: int, rows: int) -> None:
        """Tell the terminal its size."""
        await self._send(Channel.RESIZE, msgspec.json.encode({"Width": columns, "Height": rows}))

    async def close_stdin(self) -> None:
        """Say that no more input comes. Does nothing where the server cannot be told."""
        if self.can_close_stdin:
            await self._send(Channel.CLOSE, bytes([Channel.STDIN]))

    async def _send(self, channel: Channel, content: bytes) -> None:
        with contextlib.suppress(ConnectionClosed):
            await self._socket.send(bytes([channel]) + content)


@contextlib.asynccontextmanager
async def run_command(
    connection: ClusterConnection,
    namespace: str,
    pod: str,
    command: Sequence[str],
    *,
    container: str = "",
    stdin: bool = False,
    tty: bool = False,
) -> AsyncIterator[CommandSession]:
    """Run a command in a container for the length of the `async with`.

    The command goes on when we leave it: end it by closing its input or its terminal.

    Raises:
        Missing: no such pod.
        Rejected: no such container.
        Unauthorized: `get` and `create` on pods/exec are both needed.
        Unavailable: no connection.
    """
    options: list[tuple[str, Any]] = [("command", part) for part in command]
    options += [("stdout", "true"), ("stdin", str(stdin).lower()), ("tty", str(tty).lower())]
    # With a terminal there is one output only; asking for the other is refused.
    options += [] if tty else [("stderr", "true")]
    options += [("container", container)] if container else []
    path = kind_of("Pod").path(namespace, pod, "exec")
    server = connection.server.rstrip("/").replace("https://", "wss://", 1).replace("http://", "ws://", 1)
    headers = {name: value for name, value in headers_of(connection).items() if name != "User-Agent"}
    redact = connection.redactor
    try:
        socket = await connect(
            f"{server}{path}?{urlencode(options)}",
            ssl=context_of(connection) if server.startswith("wss://") else None,
            server_hostname=connection.tls_server_name or None,
            subprotocols=PROTOCOLS,
            additional_headers=headers,
            user_agent_header="slipway",
            open_timeout=CONNECT_SECONDS,
            max_size=MESSAGE_LIMIT,
            max_queue=QUEUED_MESSAGES,
            compression=None,
            proxy=None,
        )
    except InvalidStatus as exc:
        body = redact((exc.response.body or b"").decode(errors="replace")).encode()
        raise error_from(OPERATION, exc.response.status_code, body) from exc
    except (OSError, TimeoutError, ssl.SSLError, InvalidHandshake, WebSocketException) as exc:
        raise _failed(redact(f"{type(exc).__name__}: {exc}"), exc) from exc
    try:
        yield CommandSession(socket)
    finally:
        await socket.close()


def parse_exit(content: bytes) -> Exit:
    """Return what the last message of a command says: a Status, whose cause ExitCode holds the exit code."""
    try:
        status = msgspec.json.decode(content, type=dict)
    except msgspec.DecodeError:
        return Exit(None, content.decode(errors="replace"))
    if status.get("status") == "Success":
        return Exit(0)
    for cause in (status.get("details") or {}).get("causes") or []:
        if cause.get("reason") == "ExitCode" and str(cause.get("message", "")).isdecimal():
            return Exit(int(cause["message"]))
    return Exit(None, str(status.get("message", "")))


def _failed(message: str, exc: BaseException) -> IntegrationError:
    kind = Untrusted if certificate_refused(exc) else Unavailable
    return kind(SYSTEM, OPERATION, None, message)
