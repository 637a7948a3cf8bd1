"""Port-forward as kubectl speaks it since 1.30: SPDY streams inside one WebSocket, a pair for each forwarded connection.

Flow: the client opens an error stream and a data stream with the same request id -> the pod's port is dialed -> bytes go both
ways until either side ends -> both streams are finished. A refusal is told on the error stream.
https://github.com/kubernetes/enhancements/tree/master/keps/sig-api-machinery/4006-transition-spdy-to-websockets
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from . import spdy

PROTOCOL = "SPDY/3.1+portforward.k8s.io"
Dial = Callable[[int], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]
_CHUNK = 32768
_WAITING = 64  # pieces that may wait for a slow pod before the client has to


@dataclass
class _Pair:
    """The two streams of one forwarded connection."""

    port: int
    error: int = 0
    data: int = 0
    inbox: asyncio.Queue[spdy.Data] = field(default_factory=lambda: asyncio.Queue(_WAITING))
    task: asyncio.Task[None] | None = None


class Tunnel:
    """All forwarded connections of one WebSocket."""

    def __init__(self, socket: web.WebSocketResponse, dial: Dial, pod_uid: str) -> None:
        self._socket = socket
        self._dial = dial
        self._pod_uid = pod_uid
        self._decoder, self._encoder = spdy.Decoder(), spdy.Encoder()
        self._pairs: dict[str, _Pair] = {}  # by request id
        self._by_stream: dict[int, _Pair] = {}

    async def serve(self) -> None:
        """Carry connections until the client leaves."""
        try:
            async for message in self._socket:
                if message.type != WSMsgType.BINARY:
                    continue
                for frame in self._decoder.feed(message.data):
                    await self._take(frame)
        except spdy.FrameError:
            await self._socket.close(code=1002)
        finally:
            tasks = [pair.task for pair in self._pairs.values() if pair.task is not None]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _take(self, frame: spdy.Frame) -> None:
        match frame:
            case spdy.Opened():
                await self._opened(frame)
            case spdy.Data() if (pair := self._by_stream.get(frame.stream)) and frame.stream == pair.data:
                await pair.inbox.put(frame)
            case spdy.Reset() if pair := self._by_stream.get(frame.stream):
                if pair.task is not None:
                    pair.task.cancel()
            case spdy.Ping():
                await self._send(frame)
            case _:
                pass  # the end of the error stream, of which only the other direction is used

    async def _opened(self, frame: spdy.Opened) -> None:
        headers = {name.lower(): value for name, value in frame.headers.items()}
        kind, port = headers.get("streamtype"), headers.get("port", "")
        if kind not in ("data", "error") or not port.isdigit():
            await self._send(spdy.Reset(frame.stream))
            return
        pair = self._pairs.setdefault(headers.get("requestid", ""), _Pair(int(port)))
        self._by_stream[frame.stream] = pair
        if kind == "error":
            pair.error = frame.stream
        else:
            pair.data = frame.stream
        await self._send(spdy.Replied(frame.stream))
        if pair.error and pair.data and pair.task is None:
            request = headers.get("requestid", "")
            pair.task = asyncio.create_task(self._carry(pair))
            pair.task.add_done_callback(lambda _: self._forget(request, pair))

    def _forget(self, request: str, pair: _Pair) -> None:
        self._pairs.pop(request, None)
        self._by_stream.pop(pair.error, None)
        self._by_stream.pop(pair.data, None)
        while not pair.inbox.empty():  # nobody reads it any more: let go of who waits for room in it
            pair.inbox.get_nowait()

    async def _carry(self, pair: _Pair) -> None:
        try:
            reader, writer = await self._dial(pair.port)
        except OSError as exc:
            told = f"error forwarding port {pair.port} to pod {self._pod_uid}, uid : {exc}"
            await self._send(spdy.Data(pair.error, told.encode()))
        else:
            inwards = asyncio.create_task(_carry_in(pair.inbox, writer))
            try:
                with contextlib.suppress(OSError):
                    while chunk := await reader.read(_CHUNK):
                        await self._send(spdy.Data(pair.data, chunk))
            finally:
                inwards.cancel()
                await asyncio.gather(inwards, return_exceptions=True)
                writer.close()
        for stream in (pair.data, pair.error):
            await self._send(spdy.Data(stream, b"", fin=True))

    async def _send(self, frame: spdy.Frame) -> None:
        with contextlib.suppress(ConnectionError):  # the client left: `serve` ends everything
            await self._socket.send_bytes(self._encoder.encode(frame))


async def _carry_in(inbox: asyncio.Queue[spdy.Data], writer: asyncio.StreamWriter) -> None:
    """Pass on what the client sends, to its end."""
    with contextlib.suppress(OSError):
        fin = False
        while not fin:
            frame = await inbox.get()
            writer.write(frame.content)
            await writer.drain()
            fin = frame.fin
        writer.write_eof()
