"""Watches: a stream of JSON lines that follows a resource from a version on.

https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Mapping
from typing import Any

import msgspec
from aiohttp import web

from . import listing, media, tables
from .conversions import outward
from .resources import Resource
from .routes import truth
from .status import Expired, unprocessed
from .store import Event, Store

Object = dict[str, Any]
BOOKMARK_EVERY = 60.0
BEFORE_THE_END = 2.0
_DEFAULT_TIMEOUT = (1800, 3600)


class Watch:
    """One watch request."""

    def __init__(
        self, store: Store, resource: Resource, namespace: str, name: str, query: Mapping[str, str],
        accepted: media.Accepted,
    ) -> None:  # fmt: skip
        listing.check_options(query, watching=True)
        self._store = store
        self._resource = resource
        self._namespace = namespace
        self._test = listing.matcher(resource, query, name)
        self._query = query
        self._accepted = accepted
        self._columns_sent = False
        self._bookmarks = truth(query.get("allowWatchBookmarks"))
        self._queue: asyncio.Queue[Event] = asyncio.Queue()
        text = query.get("resourceVersion", "")
        if text and not text.isdigit():
            raise unprocessed(listing.version_fault(text))
        self._since = int(text or 0)
        timeout = query.get("timeoutSeconds", "")
        self._timeout = float(timeout) if timeout.isdigit() and int(timeout) else random.uniform(*_DEFAULT_TIMEOUT)

    async def serve(self, request: web.Request, cut_after: float | None = None) -> web.StreamResponse:
        """Stream events until the time is over, the client leaves, or `cut_after` seconds (a fault) are over."""
        response = web.StreamResponse(headers={"Content-Type": media.JSON})
        initial = self._query.get("sendInitialEvents")
        wants_state = truth(initial) if initial is not None else self._since == 0
        stop = self._store.subscribe(self._queue.put_nowait, self._resource.storage)
        try:
            version = self._store.version
            past = [] if wants_state or self._since > version else self._past()
            present = self._store.scan(self._resource.storage, self._namespace or None) if wants_state else []
            await response.prepare(request)
            for obj in present:
                if self._test(obj):
                    await self._send(response, "ADDED", obj)
            if truth(initial) and self._bookmarks:
                await self._bookmark(response, version, last_initial=True)
            for event in past:
                await self._pass_on(response, event)
            await self._follow(response, max(version, self._since), cut_after)
            await response.write_eof()
        except Expired as exc:
            await response.prepare(request)
            await self._write(response, {"type": "ERROR", "object": exc.body()})
            await response.write_eof()
        except ConnectionError:
            pass  # the client left
        finally:
            stop()
        return response

    def _past(self) -> list[Event]:
        return self._store.since(self._resource.storage, self._since)

    async def _follow(self, response: web.StreamResponse, floor: int, cut_after: float | None) -> None:
        """Pass on what comes after `floor`, with a bookmark once a minute and near the end."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        end = started + min(self._timeout, cut_after if cut_after is not None else self._timeout)
        marks = [started + BOOKMARK_EVERY * number for number in range(1, int(self._timeout // BOOKMARK_EVERY) + 1)]
        marks = sorted({*marks, max(started, started + self._timeout - BEFORE_THE_END)}) if self._bookmarks else []
        while (moment := loop.time()) < end:
            wake = min([end, *marks[:1]])
            event = None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(wake - moment, 0)):
                    event = await self._queue.get()
            if event is not None:
                if event.version > floor:
                    await self._pass_on(response, event)
            elif marks and loop.time() >= marks[0]:
                marks.pop(0)
                await self._bookmark(response, max(self._store.version, floor))

    async def _pass_on(self, response: web.StreamResponse, event: Event) -> None:
        """Send an event as this watch's selector sees it: what leaves the selection is DELETED."""
        if self._namespace and event.object["metadata"].get("namespace") != self._namespace:
            return
        now = event.type != "DELETED" and self._test(event.object)
        before = event.previous is not None and self._test(event.previous)
        if now and before:
            await self._send(response, "MODIFIED", event.object)
        elif now:
            await self._send(response, "ADDED", event.object)
        elif before and event.type == "DELETED":
            await self._send(response, "DELETED", event.object)
        elif before and event.previous is not None:
            metadata = {**event.previous["metadata"], "resourceVersion": str(event.version)}
            await self._send(response, "DELETED", {**event.previous, "metadata": metadata})

    async def _bookmark(self, response: web.StreamResponse, version: int, *, last_initial: bool = False) -> None:
        metadata: Object = {"resourceVersion": str(version)}
        if last_initial:
            metadata["annotations"] = {"k8s.io/initial-events-end": "true"}
        obj: Object = {"kind": self._resource.kind, "apiVersion": self._resource.api_version, "metadata": metadata}
        if self._accepted.form == "Table":
            obj = tables.empty(self._resource, metadata, columns=not self._columns_sent)
            self._columns_sent = True
        elif self._accepted.form:
            obj = media.partial(obj, self._accepted.version)
        await self._write(response, {"type": "BOOKMARK", "object": obj})

    async def _send(self, response: web.StreamResponse, type: str, obj: Object) -> None:
        obj = outward(self._resource, obj)
        if self._accepted.form == "Table":
            include = self._query.get("includeObject", "Metadata")
            columns = not self._columns_sent
            self._columns_sent = True
            version = obj["metadata"]["resourceVersion"]
            obj = tables.render(self._resource, [obj], {"resourceVersion": version}, include, columns=columns)
        elif self._accepted.form:
            obj = media.partial(obj, self._accepted.version)
        await self._write(response, {"type": type, "object": obj})

    @staticmethod
    async def _write(response: web.StreamResponse, event: Object) -> None:
        await response.write(msgspec.json.encode(event) + b"\n")
