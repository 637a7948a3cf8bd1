"""A build's log as server-sent events, from what the steps stored. No Celery, no thread, no open transaction.

    authorize -> close the database connection -> read what came since -> send whole lines -> wait -> end
Every event's id is how many lines were sent, so that a browser that comes back goes on where it was.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

from asgiref.sync import sync_to_async
from django.db import connection
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

from apps.accounts.roles import Action
from apps.accounts.sessions import actor_now
from apps.applications.access import get_application
from apps.core import messages
from apps.core.answers import error_body
from apps.core.errors import SlipwayError

from . import logtext, selectors
from .models import Build

POLL_SECONDS = 0.7
BATCH_LINES = 500
HEARTBEAT_SECONDS = 15.0
REAUTHORIZE_SECONDS = 60.0
LONGEST_LINE = 16_384  # a line without an end is sent in pieces


@dataclass
class _Reader:
    """Turns stored pieces into whole lines. A line that is not ended yet waits for its rest."""

    build: Build
    skip: int  # lines that the browser has already
    offset: int = -1
    rest: str = ""
    sent: int = 0
    ended: bool = False

    def read(self) -> list[str]:
        """Return the lines that came since the last call and were not sent before the reconnection."""
        try:
            # The status first: pieces are stored before it becomes final, so nothing can come after it.
            self.build.refresh_from_db(fields=["status"])
            chunks = selectors.chunks_after(self.build, self.offset)
        finally:
            connection.close()
        if chunks:
            self.offset = chunks[-1].offset
        text = self.rest + "".join(chunk.text for chunk in chunks)
        self.ended = self.build.is_final
        whole, newline, self.rest = text.rpartition("\n")
        lines = logtext.split_lines(whole + newline)
        if self.rest and (self.ended or len(self.rest) > LONGEST_LINE):
            lines += logtext.split_lines(self.rest)
            self.rest = ""
        fresh = lines[max(self.skip - self.sent, 0) :]
        self.sent += len(lines)
        return fresh


def _authorize(request: HttpRequest, project: str, application: str, number: int) -> Build:
    try:
        actor = actor_now(request)
        return selectors.get_build(get_application(actor, project, application, need=Action.VIEW_LOGS), number)
    finally:
        connection.close()


def _prepare(request: HttpRequest, project: str, application: str, number: int) -> Build:
    if not request.user.is_authenticated:
        raise PermissionError
    return _authorize(request, project, application, number)


async def build_log(
    request: HttpRequest, project: str, application: str, number: int
) -> HttpResponse | StreamingHttpResponse:
    """Follow the log of a build from its beginning, or from `Last-Event-ID` on."""
    try:
        build = await sync_to_async(_prepare)(request, project, application, number)
    except PermissionError:
        return HttpResponse(status=401)
    except SlipwayError as exc:
        body = json.dumps(error_body(exc.code, params=exc.params))
        return HttpResponse(body, status=exc.http_status, content_type="application/json")
    last = request.headers.get("Last-Event-ID", "")
    reader = _Reader(build, skip=int(last) if last.isdecimal() and len(last) < 10 else 0)
    response = StreamingHttpResponse(
        _events(request, (project, application, number), reader), content_type="text/event-stream; charset=utf-8"
    )
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response


async def _events(request: HttpRequest, names: tuple[str, str, int], reader: _Reader) -> AsyncIterator[str]:
    said_at = authorized_at = time.monotonic()
    try:
        yield ": open\n\n"
        while True:
            lines = await sync_to_async(reader.read)()
            for start in range(0, len(lines), BATCH_LINES):
                batch = lines[start : start + BATCH_LINES]
                number = reader.sent - len(lines) + start + len(batch)
                yield f"id: {number}\ndata: {json.dumps({'lines': batch})}\n\n"
                said_at = time.monotonic()
            if reader.ended:
                break
            await asyncio.sleep(POLL_SECONDS)
            now = time.monotonic()
            if now - said_at > HEARTBEAT_SECONDS:
                yield ": still here\n\n"
                said_at = now
            if now - authorized_at > REAUTHORIZE_SECONDS:
                await sync_to_async(_authorize)(request, *names)
                authorized_at = now
    except SlipwayError as exc:
        text = messages.word(exc.code, exc.params).message
        yield f"event: gap\ndata: {json.dumps({'text': text})}\n\n"
    yield "event: end\ndata: {}\n\n"
