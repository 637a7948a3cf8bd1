"""Who is attached to a running container: copies of its output to each, and the end of its input.

A real runtime does the same: what a container wrote before somebody attached is in its log only.
"""

from __future__ import annotations

import asyncio
import os

MOST_WAITING = 1024 * 1024  # of output that one who is attached does not read; what comes then is lost to them


class Tap:
    """One pipe to one who is attached. Writing never blocks the container."""

    def __init__(self) -> None:
        self.reader, self._writer = os.pipe()
        os.set_blocking(self._writer, False)
        self._waiting = bytearray()
        self._ending = False
        self._open = True

    def write(self, chunk: bytes) -> None:
        """Pass output on, now or when there is room."""
        if self._open and len(self._waiting) + len(chunk) <= MOST_WAITING:
            self._waiting += chunk
            self._flush()

    def end(self) -> None:
        """Close it when everything is written."""
        self._ending = True
        self._flush()

    def close(self) -> None:
        """Close it at once."""
        if self._open:
            self._open = False
            asyncio.get_running_loop().remove_writer(self._writer)
            os.close(self._writer)

    def _flush(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._open and self._waiting:
                del self._waiting[: os.write(self._writer, self._waiting)]
        except BlockingIOError:
            loop.add_writer(self._writer, self._flush)
            return
        except OSError:  # nobody reads any more
            self.close()
            return
        if self._open:
            loop.remove_writer(self._writer)
        if self._ending:
            self.close()


class Attachments:
    """All who are attached to one container; `stdin` is our end of its input, where it has one."""

    def __init__(self, stdin: int | None, *, once: bool, terminal: bool) -> None:
        self.stdin = stdin
        self.terminal = terminal
        self.ended: asyncio.Event = asyncio.Event()
        self._once = once
        self._taps: list[dict[str, Tap]] = []

    def attach(self) -> dict[str, Tap]:
        """Return pipes for the output from now on; a terminal has but one."""
        taps = {stream: Tap() for stream in (("stdout",) if self.terminal else ("stdout", "stderr"))}
        self._taps.append(taps)
        return taps

    def detach(self, taps: dict[str, Tap]) -> None:
        """Forget one who left; the first one's leaving ends an input that is there once."""
        if taps in self._taps:
            self._taps.remove(taps)
        for tap in taps.values():
            tap.close()
        self.end_input()

    def end_input(self) -> None:
        """End the input where that is what the container wants (`stdinOnce`)."""
        if self._once and not self.terminal:
            self._close_input()

    def write(self, stream: str, chunk: bytes) -> None:
        """Pass a container's output on to everybody."""
        for taps in self._taps:
            taps[stream].write(chunk)

    def finish(self) -> None:
        """The container has ended and its output is read: let everybody go."""
        self._close_input()
        for taps in self._taps:
            for tap in taps.values():
                tap.end()
        self.ended.set()

    def _close_input(self) -> None:
        if self.stdin is not None:
            os.close(self.stdin)
            self.stdin = None
