"""One request and its answer over one new connection to a pod, streamed both ways; switched protocols are passed through."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from typing import Any

import h11
from aiohttp import web

READ_TIMEOUT = 60.0
CHUNK = 64 * 1024
SWITCHING = 101
_HOP_BY_HOP = {
    "connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding",
    "upgrade",
}  # fmt: skip
_OURS = ("x-request-id", "x-real-ip", "x-scheme")


class Exchange:
    """The proxy's side of one request."""

    def __init__(self, request: web.Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._request, self._reader, self._writer = request, reader, writer
        self._connection = h11.Connection(h11.CLIENT)
        self._response: web.StreamResponse | None = None
        asks = "upgrade" in request.headers.get("Connection", "").lower()
        self._upgrade = request.headers.get("Upgrade") if asks else None

    def break_off(self) -> web.StreamResponse | None:
        """Cut an answer that has begun, so that the client sees it is not whole; None where nothing was sent yet."""
        if self._response is not None and self._request.transport is not None:
            self._request.transport.abort()
        return self._response

    async def run(self) -> web.StreamResponse:
        """Send the request and stream the answer back.

        Raises:
            EOFError: the pod closed the connection too early.
            OSError: the connection broke.
            TimeoutError: the pod was silent for too long.
        """
        sending = asyncio.create_task(self._send())
        try:
            head = await self._next()
            while isinstance(head, h11.InformationalResponse) and head.status_code != SWITCHING:
                head = await self._next()
            if isinstance(head, h11.InformationalResponse):
                await sending
                return await self._tunnel(head)
            if not isinstance(head, h11.Response):
                raise EOFError("no answer")
            return await self._stream(head)
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async def _send(self) -> None:
        request = self._request
        has_body = request.can_read_body and self._upgrade is None
        self._write(h11.Request(method=request.method, target=request.raw_path, headers=self._headers(has_body)))
        if has_body:
            async for chunk in request.content.iter_any():
                self._write(h11.Data(data=chunk))
                await self._writer.drain()
        self._write(h11.EndOfMessage())
        await self._writer.drain()

    def _headers(self, has_body: bool) -> list[tuple[str, str]]:
        request = self._request
        headers = [
            (name, value)
            for name, value in request.headers.items()
            if name.lower() not in _HOP_BY_HOP
            and name.lower() not in _OURS
            and not name.lower().startswith("x-forwarded-")
        ]
        if has_body and request.content_length is None:
            headers.append(("Transfer-Encoding", "chunked"))
        if self._upgrade is not None:
            headers += [("Connection", "Upgrade"), ("Upgrade", self._upgrade)]
        else:
            headers.append(("Connection", "close"))
        address = request.remote or "127.0.0.1"
        return [
            *headers, ("X-Request-ID", request.headers.get("X-Request-ID") or uuid.uuid4().hex), ("X-Real-IP", address),
            ("X-Forwarded-For", address), ("X-Forwarded-Host", request.host), ("X-Forwarded-Proto", "http"),
            ("X-Scheme", "http"),
        ]  # fmt: skip

    def _write(self, event: Any) -> None:
        data = self._connection.send(event)
        if data:
            self._writer.write(data)

    async def _next(self) -> Any:
        while (event := self._connection.next_event()) is h11.NEED_DATA:
            async with asyncio.timeout(READ_TIMEOUT):
                chunk = await self._reader.read(CHUNK)
            self._connection.receive_data(chunk)
        return event

    async def _stream(self, head: h11.Response) -> web.StreamResponse:
        response = web.StreamResponse(status=head.status_code, reason=head.reason.decode("latin-1"))
        for name, value in head.headers.raw_items():
            if name.decode("latin-1").lower() not in _HOP_BY_HOP:
                response.headers.add(name.decode("latin-1"), value.decode("latin-1"))
        self._response = response
        await response.prepare(self._request)
        async for chunk in self._body():
            await response.write(chunk)
        await response.write_eof()
        return response

    async def _body(self) -> AsyncIterator[bytes]:
        while True:
            event = await self._next()
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return
            else:
                raise EOFError("the answer broke off")

    async def _tunnel(self, head: h11.InformationalResponse) -> web.StreamResponse:
        """Pass a switched protocol (a WebSocket) on, byte by byte, until one side ends it."""
        transport = self._request.transport
        if transport is None:
            raise ConnectionResetError("the client left")
        lines = [f"HTTP/1.1 101 {head.reason.decode('latin-1') or 'Switching Protocols'}"]
        lines += [f"{name.decode('latin-1')}: {value.decode('latin-1')}" for name, value in head.headers.raw_items()]
        transport.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        trailing, _ = self._connection.trailing_data
        if trailing:
            transport.write(trailing)
        self._request.protocol.set_parser(_ToPod(self._writer))
        with contextlib.suppress(OSError):
            while chunk := await self._reader.read(CHUNK):
                transport.write(chunk)
        transport.close()
        return _Sent(status=SWITCHING)


class _Sent(web.StreamResponse):
    """The answer of a connection that is no longer HTTP: there is nothing left for the server to send."""

    async def prepare(self, request: web.BaseRequest) -> None:  # type: ignore[override]
        """Send no head."""

    async def write_eof(self, data: bytes = b"") -> None:
        """Send no end."""


class _ToPod:
    """Takes what the client sends after the protocol was switched (the interface of aiohttp's parsers)."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        """Pass bytes on."""
        self._writer.write(data)
        return False, b""

    def feed_eof(self) -> None:
        """Pass the end on."""
        if not self._writer.is_closing():
            self._writer.close()
