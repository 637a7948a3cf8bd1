"""Forget events after an hour, as API servers do by default, and when a namespace has very many."""

from __future__ import annotations

import asyncio

from deploy.sandbox.kubernetes.store import Store

from .base import seconds_since

TTL = 3600.0
EVERY = 60.0
MOST = 20_000


class EventExpiry:
    """Removes old events."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            self.expire()
            await asyncio.sleep(EVERY)

    def expire(self, ttl: float = TTL) -> None:
        """Remove what is older than `ttl` seconds, and of the rest what is too many."""
        events = sorted(self._store.scan("events"), key=lambda event: int(event["metadata"]["resourceVersion"]))
        for number, event in enumerate(events):
            stamp = event.get("lastTimestamp") or event["metadata"]["creationTimestamp"]
            if len(events) - number > MOST or seconds_since(stamp) > ttl:
                self._store.delete("events", event["metadata"]["namespace"], event["metadata"]["name"])
