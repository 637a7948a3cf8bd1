"""`/stream/events?topics=a,b`: server-sent events that say which topics changed, and nothing else.

    authorize each topic -> close the database connection -> one pub/sub subscription -> first comment
    -> announcements in small batches, comments as heartbeat -> authorize again every minute -> end when the browser goes
Pages fetch their fragments again when a topic changes and when they reconnect, so a lost announcement is harmless.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import redis.asyncio
import structlog
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from redis.exceptions import RedisError

from apps.accounts.sessions import actor_now
from apps.core.live import CHANNEL

from . import topics as topic_rules

log = structlog.get_logger(__name__)

BATCH_SECONDS = 0.1
HEARTBEAT_SECONDS = 15.0
REAUTHORIZE_SECONDS = 60.0


def _authorize(request: HttpRequest, asked: list[str]) -> frozenset[str]:
    try:
        return topic_rules.allowed(actor_now(request), asked)
    finally:
        connection.close()


async def events(request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
    """Stream the changes of the asked topics that this person may see."""
    asked = [topic for topic in request.GET.get("topics", "").split(",") if topic]
    if not (await request.auser()).is_authenticated:
        return HttpResponse(status=401)
    heard = await sync_to_async(_authorize)(request, asked)
    if not heard:
        return HttpResponse(status=403)

    async def authorize() -> frozenset[str]:
        return await sync_to_async(_authorize)(request, asked)

    response = StreamingHttpResponse(_events(heard, authorize), content_type="text/event-stream; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response


async def _events(heard: frozenset[str], authorize: Callable[[], Any]) -> AsyncIterator[str]:
    client = redis.asyncio.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2)
    pubsub = client.pubsub(ignore_subscribe_messages=True)
    authorized_at = sent_at = time.monotonic()
    try:
        await pubsub.subscribe(CHANNEL)
        # Pages fetch what they show when the stream opens: from here on nothing is missed.
        yield ": open\n\n"
        while heard:
            changed = heard & await _next_batch(pubsub)
            now = time.monotonic()
            if changed:
                yield f"data: {json.dumps(sorted(changed))}\n\n"
                sent_at = now
            elif now - sent_at >= HEARTBEAT_SECONDS:
                yield ": still here\n\n"
                sent_at = now
            if now - authorized_at >= REAUTHORIZE_SECONDS:
                heard = await authorize()
                authorized_at = now
    except RedisError as exc:
        # The browser connects again by itself and catches up then.
        log.warning("stream.redis_away", error=type(exc).__name__)
    finally:
        await pubsub.aclose()  # type: ignore[no-untyped-call]
        await client.aclose()


async def _next_batch(pubsub: Any) -> frozenset[str]:
    """Return the topics announced next and shortly after, empty when nothing comes for a while."""
    topics: set[str] = set()
    timeout = min(HEARTBEAT_SECONDS, REAUTHORIZE_SECONDS) / 3
    until: float | None = None
    while True:
        message = await pubsub.get_message(timeout=timeout)
        if message is None:
            return frozenset(topics)
        topics.update(json.loads(message["data"]))
        until = until or asyncio.get_running_loop().time() + BATCH_SECONDS
        timeout = until - asyncio.get_running_loop().time()
        if timeout <= 0:
            return frozenset(topics)
