"""A container's output on disk, one line a line, in the form of the container runtime interface.

    2026-11-22T23:10:00.123456789Z stdout F the line

https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md
"""

from __future__ import annotations

import os
import time
from pathlib import Path

LONGEST_LINE = 16 * 1024  # what is longer is written in parts, marked P
LARGEST_FILE = 10 * 1024 * 1024  # then the file becomes NAME.1 and a new one begins


def timestamp(now_ns: int) -> str:
    """Return a time as RFC 3339 with nanoseconds, as a container runtime writes it."""
    seconds, nanoseconds = divmod(now_ns, 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{nanoseconds:09d}Z"


class LogFile:
    """The log of one run of one container."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("ab", buffering=0)
        self._size = path.stat().st_size
        self._rest: dict[str, bytes] = {"stdout": b"", "stderr": b""}

    def write(self, stream: str, chunk: bytes) -> None:
        """Add what the container wrote; a line that is not finished is kept until it is."""
        *lines, rest = (self._rest[stream] + chunk).split(b"\n")
        now = timestamp(time.time_ns()).encode()
        out = bytearray()
        for line in lines:
            line = line.removesuffix(b"\r")  # a terminal's; runtimes log lines without it
            while len(line) > LONGEST_LINE:
                out += b"%s %s P %s\n" % (now, stream.encode(), line[:LONGEST_LINE])
                line = line[LONGEST_LINE:]
            out += b"%s %s F %s\n" % (now, stream.encode(), line)
        while len(rest) > LONGEST_LINE:
            out += b"%s %s P %s\n" % (now, stream.encode(), rest[:LONGEST_LINE])
            rest = rest[LONGEST_LINE:]
        self._rest[stream] = rest
        self._append(bytes(out))

    def close(self) -> None:
        """Write what was left without an end of line and close the file."""
        now = timestamp(time.time_ns()).encode()
        for stream, rest in self._rest.items():
            if rest:  # the runtime marks it as partial: nobody said that the line ended
                self._append(b"%s %s P %s\n" % (now, stream.encode(), rest))
        self._file.close()

    def _append(self, out: bytes) -> None:
        if not out:
            return
        if self._size + len(out) > LARGEST_FILE and self._size:
            self._file.close()
            os.replace(self._path, f"{self._path}.1")  # noqa: PTH105 - a name beside it
            self._file = self._path.open("ab", buffering=0)
            self._size = 0
        self._file.write(out)
        self._size += len(out)
