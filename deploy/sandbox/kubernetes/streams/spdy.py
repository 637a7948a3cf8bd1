"""SPDY/3.1 frames, as far as port-forwarding uses them: reading and writing them, no sockets.

`kubectl port-forward` speaks SPDY inside a WebSocket: one pair of streams (data and error) for each forwarded connection.
Streams have no flow control here, as in the library that both kubectl and the kubelet use.
https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

_VERSION = 3
_SYN_STREAM, _SYN_REPLY, _RST_STREAM, _PING, _GOAWAY = 1, 2, 3, 6, 7
_FIN = 1
_CONTROL = 0x80000000
_LONGEST = 1 << 20
CANCEL = 5  # status of a RST_STREAM: the stream is not needed any more

_WORDS = (
    "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow "
    "authorization cache-control connection content-base content-encoding content-language content-length "
    "content-location content-md5 content-range content-type date etag expect expires from host if-match "
    "if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards pragma "
    "proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding upgrade "
    "user-agent vary via warning www-authenticate method get status"
)
_MORE_WORDS = ["200 OK", "version", "HTTP/1.1", "url", "public", "set-cookie", "keep-alive", "origin"]
_TAIL = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden"
    "404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
    "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
    "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript,"
    "publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)


def _counted(text: bytes) -> bytes:
    return struct.pack(">I", len(text)) + text


# What both sides preload their compressors with (section 2.6.10.1).
DICTIONARY = b"".join(_counted(word.encode()) for word in [*_WORDS.split(), *_MORE_WORDS]) + _TAIL.encode()


class FrameError(ValueError):
    """The other side does not speak SPDY/3."""


@dataclass(frozen=True)
class Opened:
    """The other side opens a stream."""

    stream: int
    headers: dict[str, str]
    fin: bool = False


@dataclass(frozen=True)
class Replied:
    """The other side accepts a stream of ours."""

    stream: int


@dataclass(frozen=True)
class Data:
    """A piece of a stream; with `fin`, its last."""

    stream: int
    content: bytes
    fin: bool = False


@dataclass(frozen=True)
class Reset:
    """A stream is broken off."""

    stream: int
    status: int = CANCEL


@dataclass(frozen=True)
class Ping:
    """To be sent back as it is."""

    number: int


@dataclass(frozen=True)
class GoAway:
    """The other side opens no more streams."""

    last_stream: int = 0


Frame = Opened | Replied | Data | Reset | Ping | GoAway


class Decoder:
    """From bytes, however they were cut, to frames. What port-forwarding has no use for (SETTINGS and others) is passed over."""

    def __init__(self) -> None:
        self._buffer = b""
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)

    def feed(self, content: bytes) -> Iterator[Frame]:
        """Yield the frames that are complete now.

        Raises:
            FrameError: these are no SPDY/3 frames.
        """
        self._buffer += content
        while len(self._buffer) >= 8:
            head, rest = struct.unpack_from(">II", self._buffer)
            flags, length = rest >> 24, rest & 0xFFFFFF
            if length > _LONGEST:
                raise FrameError(f"a frame of {length} bytes")
            if len(self._buffer) < 8 + length:
                return
            body, self._buffer = self._buffer[8 : 8 + length], self._buffer[8 + length :]
            if not head & _CONTROL:
                yield Data(head, body, fin=bool(flags & _FIN))
                continue
            if (head >> 16) & 0x7FFF != _VERSION:
                raise FrameError(f"version {(head >> 16) & 0x7FFF}")
            try:
                frame = self._control(head & 0xFFFF, flags, body)
            except (struct.error, zlib.error, UnicodeDecodeError) as exc:
                raise FrameError(str(exc)) from exc
            if frame is not None:
                yield frame

    def _control(self, kind: int, flags: int, body: bytes) -> Frame | None:
        if kind == _SYN_STREAM:
            (stream,) = struct.unpack_from(">I", body)
            return Opened(stream, self._headers(body[10:]), fin=bool(flags & _FIN))
        if kind == _SYN_REPLY:
            (stream,) = struct.unpack_from(">I", body)
            self._headers(body[4:])
            return Replied(stream)
        if kind == _RST_STREAM:
            return Reset(*struct.unpack(">II", body))
        if kind == _PING:
            return Ping(*struct.unpack(">I", body))
        if kind == _GOAWAY:
            return GoAway(struct.unpack_from(">I", body)[0])
        return None

    def _headers(self, block: bytes) -> dict[str, str]:
        text = self._inflate.decompress(block, _LONGEST)
        (count,) = struct.unpack_from(">I", text)
        place, headers = 4, {}
        for _ in range(count):
            pair = []
            for _ in range(2):
                (length,) = struct.unpack_from(">I", text, place)
                pair.append(text[place + 4 : place + 4 + length].decode())
                place += 4 + length
            headers[pair[0]] = pair[1]
        return headers


class Encoder:
    """From frames to bytes, in the order in which they are to be sent."""

    def __init__(self) -> None:
        self._deflate = zlib.compressobj(zdict=DICTIONARY)

    def encode(self, frame: Frame) -> bytes:
        """Return a frame's bytes."""
        match frame:
            case Data():
                flags = _FIN if frame.fin else 0
                return struct.pack(">II", frame.stream, flags << 24 | len(frame.content)) + frame.content
            case Opened():
                body = struct.pack(">IIH", frame.stream, 0, 0) + self._headers(frame.headers)
                return _control(_SYN_STREAM, body, flags=_FIN if frame.fin else 0)
            case Replied():
                return _control(_SYN_REPLY, struct.pack(">I", frame.stream) + self._headers({}))
            case Reset():
                return _control(_RST_STREAM, struct.pack(">II", frame.stream, frame.status))
            case Ping():
                return _control(_PING, struct.pack(">I", frame.number))
            case GoAway():
                return _control(_GOAWAY, struct.pack(">II", frame.last_stream, 0))

    def _headers(self, headers: dict[str, str]) -> bytes:
        pairs = b"".join(_counted(name.encode()) + _counted(value.encode()) for name, value in headers.items())
        block = struct.pack(">I", len(headers)) + pairs
        return self._deflate.compress(block) + self._deflate.flush(zlib.Z_SYNC_FLUSH)


def _control(kind: int, body: bytes, *, flags: int = 0) -> bytes:
    return struct.pack(">II", _CONTROL | _VERSION << 16 | kind, flags << 24 | len(body)) + body
