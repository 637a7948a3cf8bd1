"""Keep up with all objects of a kind: a list, then its changes, and again from a list where the server forgot.

Flow: list -> Snapshot -> watch from its version -> a Change for each event, bookmarks move the version silently -> the
server ends a watch every few minutes: watch on from the last version -> 410 Gone: list again, a new Snapshot, which
replaces everything -> no connection: pause, watch on. Only missing rights end it.
https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import msgspec
import structlog

from apps.integrations.connection import ClusterConnection
from apps.integrations.errors import Stale, Unavailable, UnexpectedResponse

from .answers import SYSTEM, error_from
from .channels import Channel, lines_of
from .entities import Object
from .kinds import Kind, kind_of

log = structlog.get_logger(__name__)

PAGE = 500
WATCH_SECONDS = 290
READ_SLACK = 30
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
# Bigger than any object a server stores.
OBJECT_LIMIT = 16 * 1024 * 1024
_GONE = 410


@dataclass(frozen=True)
class Snapshot:
    """All objects as they are now: what is not in it is gone."""

    items: list[Object]
    resource_version: str


@dataclass(frozen=True)
class Change:
    """One object was added, changed or removed; `type` is ADDED, MODIFIED or DELETED."""

    type: str
    object: Object


class _Event(msgspec.Struct):
    type: str
    object: dict[str, Any]


async def watch(
    connection: ClusterConnection,
    kind: str | Kind,
    namespace: str | None = None,
    *,
    labels: str = "",
) -> AsyncGenerator[Snapshot | Change, None]:
    """Yield a snapshot of all objects of a kind and every change from then on, for ever.

    Who stops before the end does so within `contextlib.aclosing`, which closes the connection at once.

    Raises:
        Unauthorized: the credentials may not, or may no longer, list and watch.
        Missing: the cluster does not know the kind.
    """
    known = kind_of(kind)
    selector = {"labelSelector": labels} if labels else {}
    pause = FIRST_PAUSE
    version = ""
    async with Channel(connection, read_seconds=WATCH_SECONDS + READ_SLACK) as channel:
        while True:
            try:
                if not version:
                    snapshot = await list_all(channel, known, namespace, selector)
                    version = snapshot.resource_version
                    yield snapshot
                async with aclosing(_watch_once(channel, known, namespace, selector, version)) as events:
                    async for event in events:
                        version = event.object["metadata"]["resourceVersion"]
                        pause = FIRST_PAUSE
                        if event.type != "BOOKMARK":
                            yield Change(event.type, event.object)
            except Stale:
                version = ""
            except (Unavailable, UnexpectedResponse) as exc:
                log.info("watch.lost", cluster=connection.name, kind=known.name, error=str(exc))
                wait = max(getattr(exc, "retry_after", None) or 0.0, pause * random.uniform(0.5, 1.0))  # noqa: S311
                await asyncio.sleep(min(wait, LONGEST_PAUSE))
                pause = min(pause * 2, LONGEST_PAUSE)


async def list_all(channel: Channel, kind: Kind, namespace: str | None, selector: dict[str, str]) -> Snapshot:
    """Return all objects of a kind, read in pages.

    Raises:
        Stale: the pages expired midway.
    """
    operation = f"list {kind.plural}"
    items: list[Object] = []
    query: dict[str, Any] = {**selector, "limit": PAGE}
    typed = {"apiVersion": kind.api_version, "kind": kind.name}
    while True:
        async with channel.open(kind.path(namespace), operation=operation, query=query) as response:
            body = await response.aread()
        try:
            page = msgspec.json.decode(body, type=dict)
            items += [{**typed, **item} for item in page.get("items") or []]
            metadata = page["metadata"]
        except (msgspec.DecodeError, KeyError, TypeError) as exc:
            raise UnexpectedResponse(SYSTEM, operation, 200, "the answer is no list") from exc
        if not metadata.get("continue"):
            return Snapshot(items, metadata.get("resourceVersion", ""))
        query["continue"] = metadata["continue"]


async def _watch_once(
    channel: Channel, kind: Kind, namespace: str | None, selector: dict[str, str], version: str
) -> AsyncGenerator[_Event, None]:
    operation = f"watch {kind.plural}"
    # Not all watches of a cluster shall end, and begin again, in the same second.
    seconds = round(WATCH_SECONDS * random.uniform(0.8, 1.0))  # noqa: S311
    query = {
        **selector, "watch": "true", "resourceVersion": version, "allowWatchBookmarks": "true", "timeoutSeconds": seconds,
    }  # fmt: skip
    async with (
        channel.open(kind.path(namespace), operation=operation, query=query) as response,
        aclosing(lines_of(response, OBJECT_LIMIT)) as lines,
    ):
        async for line in lines:
            if line.strip():
                yield _parse(line, operation)


def _parse(line: bytes, operation: str) -> _Event:
    try:
        event = msgspec.json.decode(line, type=_Event)
    except msgspec.DecodeError as exc:
        # Cut in the middle of an event: what was read so far stands, the rest comes with the next watch.
        raise Unavailable(SYSTEM, operation, None, "the watch was cut") from exc
    if event.type == "ERROR":
        # Told with status 200, since the stream had begun.
        raise error_from(operation, event.object.get("code") or _GONE, msgspec.json.encode(event.object))
    return event
