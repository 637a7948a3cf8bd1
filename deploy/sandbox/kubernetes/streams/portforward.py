"""Port-forward over a WebSocket, in either of its two forms.

`v4.channel.k8s.io`: two channels a port, data and error, each opened by the port's two bytes; the ports are in the query.
`SPDY/3.1+portforward.k8s.io`: what kubectl speaks, see `tunnel`.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, Protocol

from aiohttp import WSMsgType, web

from deploy.sandbox.kubernetes.status import ApiError, bad_request
from deploy.sandbox.kubernetes.verbs import Call

from . import tunnel
from .execution import agreed_protocol, offered_protocols

Object = dict[str, Any]
_CHUNK = 32768


class Node(Protocol):
    """What the kubelet does for this module."""

    async def dial(self, pod: Object, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to a port of the pod; raise OSError where nobody listens."""


async def port_forward(call: Call, node: Node | None) -> web.StreamResponse:
    """Carry connections to a pod's ports."""
    pod = call.current()
    tunneled = tunnel.PROTOCOL in offered_protocols(call.request)
    ports = [int(port) for text in call.request.query.getall("ports", []) for port in text.split(",") if port.isdigit()]
    if not ports and not tunneled:
        raise bad_request('query parameter "ports" is required')
    if not pod["spec"].get("nodeName") or node is None:
        raise bad_request(f"pod {call.route.name} does not have a host assigned")
    phase = (pod.get("status") or {}).get("phase")
    if phase != "Running":
        raise ApiError(500, None, f"unable to forward port because pod is not running. Current status={phase}")
    protocol = tunnel.PROTOCOL if tunneled else agreed_protocol(call.request)
    if protocol is None:
        return web.Response(status=403)
    socket = web.WebSocketResponse(protocols=(protocol,), max_msg_size=0)
    await socket.prepare(call.request)
    if tunneled:
        await tunnel.Tunnel(socket, partial(node.dial, pod), pod["metadata"]["uid"]).serve()
        return socket
    forward = _Forward(socket, node, pod)
    try:
        for index, port in enumerate(ports):
            await forward.open(index, port)
        await forward.carry_in()
    except ConnectionError:
        pass  # the client left
    finally:
        await forward.close()
    return socket


class _Forward:
    """The connections of one WebSocket."""

    def __init__(self, socket: web.WebSocketResponse, node: Node, pod: Object) -> None:
        self._socket = socket
        self._node = node
        self._pod = pod
        self._writers: dict[int, asyncio.StreamWriter] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, index: int, port: int) -> None:
        """Announce both channels of a port and connect to it; a refusal goes to its error channel."""
        data, error = 2 * index, 2 * index + 1
        for channel in (data, error):
            await self._socket.send_bytes(bytes([channel]) + port.to_bytes(2, "little"))
        try:
            reader, self._writers[data] = await self._node.dial(self._pod, port)
        except OSError as exc:
            text = f"error forwarding port {port} to pod {self._pod['metadata']['uid']}: {exc}"
            await self._socket.send_bytes(bytes([error]) + text.encode())
            return
        self._tasks.append(asyncio.create_task(self._carry_out(data, reader)))

    async def carry_in(self) -> None:
        """Pass on what the client sends, until it leaves."""
        async for message in self._socket:
            if message.type == WSMsgType.BINARY and message.data and message.data[0] in self._writers:
                writer = self._writers[message.data[0]]
                writer.write(message.data[1:])
                await writer.drain()

    async def _carry_out(self, channel: int, reader: asyncio.StreamReader) -> None:
        while chunk := await reader.read(_CHUNK):
            await self._socket.send_bytes(bytes([channel]) + chunk)
        await self._socket.close(code=1000)

    async def close(self) -> None:
        """Close all connections."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers.values():
            writer.close()
