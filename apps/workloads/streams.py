"""A pod's log as server-sent events: API server → this process → browser. No Celery, no thread, no open transaction.

    authorize -> close the database connection -> stream in batches -> authorize again every minute -> end
Back-pressure: the next line is read from the cluster only when the browser took the last batch. Each batch carries the
time of its last line as its id, so that a browser that lost the connection goes on behind it and shows no line twice.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import datetime

from asgiref.sync import sync_to_async
from django.db import connection
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

from apps.accounts.roles import Action
from apps.accounts.sessions import actor_now
from apps.applications.access import get_application, get_target
from apps.applications.models import Application, Target
from apps.core import messages
from apps.core.answers import error_body
from apps.core.errors import SlipwayError
from apps.integrations.kubernetes.streams import LogLine

from . import selectors

TAIL = 200
BATCH_LINES = 500
BATCH_SECONDS = 0.15
HEARTBEAT_SECONDS = 15.0
REAUTHORIZE_SECONDS = 60.0


def _authorize(
    request: HttpRequest, project: str, application: str, environment: str, target: str
) -> tuple[Application, Target]:
    try:
        actor = actor_now(request)
        return (
            get_application(actor, project, application, need=Action.VIEW_LOGS),
            get_target(actor, project, environment, target, need=Action.VIEW_LOGS),
        )
    finally:
        connection.close()


def _prepare(
    request: HttpRequest, project: str, application: str, environment: str, target: str, pod: str
) -> tuple[Target, str]:
    if not request.user.is_authenticated:
        raise PermissionError
    app, place = _authorize(request, project, application, environment, target)
    containers = selectors.require_pod(app, place, pod)
    return place, selectors.choose_container(pod, containers, request.GET.get("container", ""))


async def pod_log(
    request: HttpRequest, project: str, application: str, environment: str, target: str, pod: str
) -> HttpResponse | StreamingHttpResponse:
    """Follow the log of one container of a pod."""
    names = (project, application, environment, target)
    try:
        place, container = await sync_to_async(_prepare)(request, *names, pod)
    except PermissionError:
        return HttpResponse(status=401)
    except SlipwayError as exc:
        body = json.dumps(error_body(exc.code, params=exc.params))
        return HttpResponse(body, status=exc.http_status, content_type="application/json")
    after = _time(request.headers.get("Last-Event-ID", ""))
    response = StreamingHttpResponse(
        _events(request, names, place, pod, container, after), content_type="text/event-stream; charset=utf-8"
    )
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response


async def _events(
    request: HttpRequest,
    names: tuple[str, str, str, str],
    target: Target,
    pod: str,
    container: str,
    after: datetime | None,
) -> AsyncIterator[str]:
    lines = selectors.follow_log(target, pod, container, tail=TAIL, after=after)
    pending: asyncio.Task[LogLine] | None = None
    batch: list[LogLine] = []
    sent_at = authorized_at = time.monotonic()
    try:
        yield ": open\n\n"
        while True:
            pending = pending or asyncio.ensure_future(anext(lines))
            done, _ = await asyncio.wait({pending}, timeout=BATCH_SECONDS if batch else HEARTBEAT_SECONDS)
            now = time.monotonic()
            if done:
                line, pending = pending.result(), None
                # The API takes whole seconds for "since": what was sent before comes once more.
                if after is None or line.at is None or line.at > after:
                    batch.append(line)
            if batch and (not done or len(batch) >= BATCH_LINES or now - sent_at > BATCH_SECONDS):
                yield _message(pod, batch)
                batch, sent_at = [], now
            elif not done:
                yield ": still here\n\n"
            if now - authorized_at > REAUTHORIZE_SECONDS:
                await sync_to_async(_authorize)(request, *names)
                authorized_at = now
    except StopAsyncIteration:
        if batch:
            yield _message(pod, batch)
        yield "event: end\ndata: {}\n\n"
    except SlipwayError as exc:
        if batch:
            yield _message(pod, batch)
        text = messages.word(exc.code, exc.params).message
        yield f"event: gap\ndata: {json.dumps({'text': text})}\n\n"
    finally:
        if pending is not None:
            pending.cancel()
            # Until it has ended it still runs the generator, which can then not be closed.
            await asyncio.wait({pending})
        await lines.aclose()


def _message(pod: str, batch: list[LogLine]) -> str:
    body = json.dumps({"lines": [{"text": line.text, "source": pod} for line in batch]})
    last = next((line.at for line in reversed(batch) if line.at is not None), None)
    return (f"id: {last.isoformat()}\n" if last else "") + f"data: {body}\n\n"


def _time(text: str) -> datetime | None:
    """Return the moment that an event id stands for; None for what is none, as anybody may send that header."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
