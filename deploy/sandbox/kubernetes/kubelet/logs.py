"""Read what a container wrote, as `kubectl logs` asks for it.

https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/ (read log)
"""

from __future__ import annotations

import asyncio
import datetime as dt
import os
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

POLL = 0.1
BATCH = 64 * 1024


@dataclass(frozen=True)
class Options:
    """The query of one read."""

    follow: bool = False
    tail_lines: int | None = None
    since: dt.datetime | None = None
    timestamps: bool = False
    limit_bytes: int | None = None


def _text(line: bytes, options: Options) -> bytes | None:
    """Return what the client gets for one line of the file, or None where it is too old or broken."""
    parts = line.rstrip(b"\n").split(b" ", 3)
    if len(parts) != 4:
        return None
    stamp, _, flag, text = parts
    if options.since is not None and _moment(stamp) < options.since:
        return None
    end = b"\n" if flag == b"F" else b""
    return (stamp + b" " if options.timestamps else b"") + text + end


def _moment(stamp: bytes) -> dt.datetime:
    whole = stamp.decode()[:26].rstrip("Z")  # microseconds are as fine as Python goes
    return dt.datetime.fromisoformat(whole).replace(tzinfo=dt.UTC)


def _lines(path: Path) -> Iterator[bytes]:
    older = Path(f"{path}.1")
    for each in (older, path):
        if each.exists():
            with each.open("rb") as stream:
                yield from stream


async def read(path: Path, options: Options, running: Callable[[], bool]) -> AsyncIterator[bytes]:
    """Yield the log in pieces; with `follow`, go on until the container has ended (`running`)."""
    left = options.limit_bytes
    batch = bytearray()
    stream = path.open("rb") if path.exists() else None
    position = path.stat().st_size if stream is not None else 0
    try:
        for text in _first(path, options, position):
            batch += text
            if left is not None and len(batch) >= left:
                yield bytes(batch[:left])
                return
            if len(batch) >= BATCH:
                yield bytes(batch)
                left = left - len(batch) if left is not None else None
                batch.clear()
        if batch:
            yield bytes(batch)
            left = left - len(batch) if left is not None else None
        if not options.follow:
            return
        async for text in _follow(path, stream, position, options, running):
            if left is not None:
                text, left = text[:left], left - len(text)
            yield text
            if left is not None and left <= 0:
                return
    finally:
        if stream is not None:
            stream.close()


def _first(path: Path, options: Options, end: int) -> Iterator[bytes]:
    """Return what is there now (up to `end` of the newest file), the last lines only where that is asked for."""
    size_before = Path(f"{path}.1").stat().st_size if Path(f"{path}.1").exists() else 0
    read_bytes = 0
    texts: deque[bytes] = deque(maxlen=options.tail_lines)
    collected = options.tail_lines is not None
    for line in _lines(path):
        read_bytes += len(line)
        if read_bytes > size_before + end:
            break
        text = _text(line, options)
        if text is None:
            continue
        if collected:
            texts.append(text)
        else:
            yield text
    yield from texts


async def _follow(
    path: Path, stream: IO[bytes] | None, position: int, options: Options, running: Callable[[], bool]
) -> AsyncIterator[bytes]:
    if stream is None:
        return
    stream.seek(position)
    rest = b""
    while True:
        was_running = running()
        chunk = stream.read(BATCH)
        *lines, rest = (rest + chunk).split(b"\n")
        texts = [text for line in lines if (text := _text(line, options)) is not None]
        if texts:
            yield b"".join(texts)
        if chunk:
            continue
        if path.exists() and path.stat().st_ino != _inode(stream):  # it was rotated: go on in the new file
            stream.close()
            stream = path.open("rb")
            continue
        if not was_running:
            return
        await asyncio.sleep(POLL)


def _inode(stream: IO[bytes]) -> int:
    return os.fstat(stream.fileno()).st_ino
