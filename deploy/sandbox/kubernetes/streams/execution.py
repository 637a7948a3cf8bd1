"""Exec and attach over a WebSocket, in `v5.channel.k8s.io` or `v4.channel.k8s.io`.

The first byte of a message is its channel: 0 stdin, 1 stdout, 2 stderr, 3 the final Status, 4 a resize; 255 closes a
channel (v5 only). https://github.com/kubernetes/enhancements/tree/master/keps/sig-api-machinery/4006-transition-spdy-to-websockets
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

import msgspec
from aiohttp import WSMsgType, web

from deploy.sandbox.kubernetes.pods.client import ExecError, Execution
from deploy.sandbox.kubernetes.routes import truth
from deploy.sandbox.kubernetes.status import bad_request
from deploy.sandbox.kubernetes.verbs import Call

from .containers import choose_container, container_status
from .pipes import Pipes

Object = dict[str, Any]
PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
_CHUNK = 32768


class Node(Protocol):
    """What the kubelet does for this module."""

    async def exec(self, pod: Object, container: str, command: list[str], *, tty: bool) -> Execution:
        """Start a command in a container; raise ExecError where it cannot be started."""

    async def attach(self, pod: Object, container: str) -> Execution:
        """Return the streams of a container's own process; raise ExecError where it does not run."""


def _plain(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=text, content_type="text/plain")


async def exec_or_attach(call: Call, node: Node | None) -> web.StreamResponse:
    """Run a command in a container over a WebSocket, or connect to the process that it runs."""
    query = call.request.query
    pod = call.current()
    container = choose_container(pod, query.get("container", ""))
    if not pod["spec"].get("nodeName") or node is None:
        raise bad_request(f"pod {call.route.name} does not have a host assigned")
    streams = {name: truth(query.get(name)) for name in ("stdin", "stdout", "stderr")}
    if not any(streams.values()):
        return _plain(400, "you must specify at least 1 of stdin, stdout, stderr")
    if not (container_status(pod, container).get("state") or {}).get("running"):
        return _plain(500, f'container not found ("{container}")')
    if call.request.headers.get("Upgrade", "").lower() != "websocket":
        raise bad_request("Upgrade request required")
    protocol = agreed_protocol(call.request)
    if protocol is None:
        return web.Response(status=403)
    socket = web.WebSocketResponse(protocols=(protocol,), max_msg_size=0)
    await socket.prepare(call.request)
    with contextlib.suppress(ConnectionError):
        await socket.send_bytes(bytes([STDOUT]))
        tty = truth(query.get("tty"))
        command = query.getall("command", [])
        try:
            if call.route.subresource == "attach":
                running = await node.attach(pod, container)
            else:
                running = await node.exec(pod, container, command, tty=tty)
        except (ExecError, OSError) as exc:
            await _finish(socket, _start_failure(exc, protocol))
            return socket
        pipes = await Pipes.open(running)
        try:
            await _pump(socket, pipes, command, protocol, **{**streams, "stderr": streams["stderr"] and not tty})
        finally:
            pipes.close()
    return socket


def offered_protocols(request: web.Request) -> list[str]:
    """Return the subprotocols that the client offers, in its order."""
    return [each.strip() for each in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]


def agreed_protocol(request: web.Request) -> str | None:
    """Return the newest protocol that both sides know."""
    return next((each for each in PROTOCOLS if each in offered_protocols(request)), None)


async def _pump(
    socket: web.WebSocketResponse, execution: Pipes, command: list[str], protocol: str, *,
    stdin: bool, stdout: bool, stderr: bool,
) -> None:  # fmt: skip
    outputs = [
        asyncio.create_task(_forward(socket, channel, read if wanted else None, read))
        for channel, read, wanted in ((STDOUT, execution.read_stdout, stdout), (STDERR, execution.read_stderr, stderr))
    ]
    incoming = asyncio.create_task(_receive(socket, execution, stdin=stdin))
    waiting = asyncio.create_task(execution.wait())
    try:
        await asyncio.wait([waiting, incoming], return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            return  # the client left; the command goes on
        await asyncio.gather(*outputs)
        await _finish(socket, _outcome(waiting.result(), command, protocol))
    finally:
        for task in (*outputs, incoming, waiting):
            task.cancel()
        await asyncio.gather(*outputs, incoming, waiting, return_exceptions=True)


async def _forward(
    socket: web.WebSocketResponse,
    channel: int,
    wanted: Callable[[], Coroutine[Any, Any, bytes]] | None,
    read: Callable[[], Coroutine[Any, Any, bytes]],
) -> None:
    """Pass output on; what nobody wants is read all the same, or the command would block."""
    while chunk := await read():
        if wanted is not None:
            for start in range(0, len(chunk), _CHUNK):
                await socket.send_bytes(bytes([channel]) + chunk[start : start + _CHUNK])


async def _receive(socket: web.WebSocketResponse, execution: Pipes, *, stdin: bool) -> None:
    async for message in socket:
        if message.type not in (WSMsgType.BINARY, WSMsgType.TEXT):
            break
        content = message.data.encode() if message.type == WSMsgType.TEXT else message.data
        if not content:
            continue
        channel, payload = content[0], content[1:]
        with contextlib.suppress(BrokenPipeError, ConnectionError):
            if channel == STDIN and stdin and payload:
                await execution.write_stdin(payload)
            elif channel == CLOSE and payload[:1] == bytes([STDIN]):
                await execution.close_stdin()
            elif channel == RESIZE:
                with contextlib.suppress(msgspec.DecodeError):
                    size = msgspec.json.decode(payload)
                    await execution.resize(int(size.get("Width", 80)), int(size.get("Height", 24)))


def _outcome(code: int, command: list[str], protocol: str) -> Object:
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    told = f"command terminated with exit code {code}"
    if protocol == PROTOCOLS[1]:
        told = f"error executing command [{' '.join(command)}], exit code {code}"
    return {
        "metadata": {}, "status": "Failure",
        "message": f"command terminated with non-zero exit code: {told}",
        "reason": "NonZeroExitCode", "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }  # fmt: skip


def _start_failure(error: Exception, protocol: str) -> Object:
    told = f"error executing command in container: failed to exec in container: failed to start exec: {error}"
    if protocol == PROTOCOLS[0]:
        told = f"Internal error occurred: {told}"
    return {
        "metadata": {}, "status": "Failure", "message": f"Internal error occurred: {told}",
        "reason": "InternalError", "details": {"causes": [{"message": told}]}, "code": 500,
    }  # fmt: skip


async def _finish(socket: web.WebSocketResponse, status: Object) -> None:
    await socket.send_bytes(bytes([ERROR]) + msgspec.json.encode(status))
    await socket.close(code=1000)
