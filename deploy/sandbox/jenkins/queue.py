"""The build queue and its executors.

Flow: `enqueue` (the same job with the same parameters that still waits is the same item) -> a free executor takes
the oldest item that may start -> the build's folder is written, then the item leaves -> the runner starts ->
its end frees the executor. What waits is on disk; items that left are remembered for five minutes and in
memory only, as in Jenkins, so that a restart forgets them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .builds import Build, now_ms
from .files import read_json, write_json
from .items import Item, Items

EXECUTORS = 2
REMEMBERED_SECONDS = 300
LOOK_SECONDS = 0.1
Start = Callable[[Item, Build], Awaitable[None]]


@dataclass
class QueueItem:
    """One request for a build."""

    id: int
    job: str
    parameters: list[dict[str, Any]]
    user: str
    since: int
    cancelled: bool = False
    number: int | None = None
    left_at: float | None = field(default=None)


class Queue:
    """All requests for builds, and the builds that run."""

    def __init__(self, home: Path, items: Items, start: Start) -> None:
        self._path = home / "queue.json"
        self._items = items
        self._start = start
        self._waiting: list[QueueItem] = []
        self._left: dict[int, QueueItem] = {}
        self._next_id = 1
        self._running: dict[int, Build] = {}  # by executor
        self._tasks: set[asyncio.Task[None]] = set()
        self._watches: dict[int, asyncio.Task[None]] = {}  # by executor
        self._dispatching = asyncio.Lock()
        self.quieting_down = False

    async def open(self, *, lose_waiting: bool) -> None:
        """Load what waits, take the builds back that still run, and end those whose process died."""
        stored = read_json(self._path) or {"next_id": 1, "waiting": []}
        self._next_id = stored["next_id"]
        queued_once = set()
        for job in self._items.walk():
            for build in job.builds():
                queued_once.add(build.asked["queue_id"])
                if build.end is None and build.is_running():
                    self._watch(build.asked["executor"], build)
                elif build.end is None:
                    build.bury()
        if not lose_waiting:
            waiting = (QueueItem(**entry) for entry in stored["waiting"])
            # A kill between the build's folder and this file leaves an item that has its build already.
            self._waiting = [item for item in waiting if item.id not in queued_once]
        self._save()
        self.dispatch()

    async def close(self) -> None:
        """Stop watching; builds go on."""
        async with self._dispatching:  # a build that is being started gets its runner first
            tasks = list(self._tasks)
            for task in tasks:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @property
    def waiting(self) -> list[QueueItem]:
        """Return what waits, the oldest first."""
        return list(self._waiting)

    @property
    def running(self) -> dict[int, Build]:
        """Return the running builds by executor."""
        return dict(self._running)

    def find(self, number: int) -> QueueItem | None:
        """Return an item that waits, or left within the last five minutes."""
        self._forget()
        return next((item for item in self._waiting if item.id == number), self._left.get(number))

    def of_job(self, job: str) -> QueueItem | None:
        """Return the first waiting item of a job."""
        return next((item for item in self._waiting if item.job == job), None)

    def enqueue(self, job: str, parameters: list[dict[str, Any]], user: str) -> QueueItem:
        """Return the item that waits for such a build, made where there is none."""
        for item in self._waiting:
            if item.job == job and item.parameters == parameters:
                return item
        item = QueueItem(self._next_id, job, parameters, user, now_ms())
        self._next_id += 1
        self._waiting.append(item)
        self._save()
        self.dispatch()
        return item

    async def cancel(self, item: QueueItem) -> bool:
        """Take an item out of the queue; return whether it still waited."""
        async with self._dispatching:
            if item not in self._waiting:
                return False
            item.cancelled = True
            self._leave(item)
            return True

    async def until_ended(self, jobs: set[str], seconds: float) -> bool:
        """Wait for the running builds of these jobs; return whether all ended in time."""
        watches = [self._watches[executor] for executor, build in self._running.items() if build.job in jobs]
        if not watches:
            return True
        _, late = await asyncio.wait(watches, timeout=seconds)
        return not late

    def why(self, item: QueueItem) -> str:
        """Return what an item waits for, in Jenkins's words."""
        if self.quieting_down:
            return "Jenkins is about to shut down"
        if blocking := self._blocking(item):
            return f"Build #{blocking.number} is already in progress (ETA: N/A)"
        return "Waiting for next available executor"

    def is_blocked(self, item: QueueItem) -> bool:
        """Return whether an item waits for another build of its job."""
        return self._blocking(item) is not None

    def dispatch(self) -> None:
        """Start what may start, in a task of its own: a client that hangs up must not leave a build half started."""
        self._spawn(self._dispatch())

    async def _dispatch(self) -> None:
        async with self._dispatching:
            for item in list(self._waiting):
                executor = next((n for n in range(EXECUTORS) if n not in self._running), None)
                if executor is None or self.quieting_down:
                    return
                job = self._items.find(item.job)
                if job is None:
                    item.cancelled = True
                    self._leave(item)
                elif self._blocking(item) is None:
                    await self._begin(item, job, executor)

    async def _begin(self, item: QueueItem, job: Item, executor: int) -> None:
        number = job.take_number()
        folder = job.folder / "builds" / str(number)
        partial = folder.with_name(f".{number}.new")  # a build is there whole or not at all
        (job.folder / "builds").mkdir(exist_ok=True)
        partial.mkdir(exist_ok=True)
        write_json(
            partial / "build.json",
            {
                "queue_id": item.id,
                "parameters": item.parameters,
                "user": item.user,
                "timestamp": now_ms(),
                "executor": executor,
            },
        )
        (partial / "log").write_text(f"Started by user {item.user}\n")
        partial.rename(folder)
        item.number = number
        self._leave(item)
        build = Build(item.job, number, folder)
        self._running[executor] = build
        await self._start(job, build)
        self._watch(executor, build)

    def _watch(self, executor: int, build: Build) -> None:
        self._running[executor] = build
        self._watches[executor] = self._spawn(self._follow(executor, build))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _follow(self, executor: int, build: Build) -> None:
        """Wait for the end by looking: after a restart the runner is nobody's child."""
        while build.folder.exists() and build.is_running() and build.end is None:  # noqa: ASYNC110 - a file's state
            await asyncio.sleep(LOOK_SECONDS)
        if build.folder.exists():
            build.bury()
        if job := self._items.find(build.job):
            job.discard_old()
        self._running.pop(executor, None)
        self.dispatch()

    def _blocking(self, item: QueueItem) -> Build | None:
        running = next((build for build in self._running.values() if build.job == item.job), None)
        job = self._items.find(item.job)
        return running if running and job and not job.definition().concurrent else None

    def _leave(self, item: QueueItem) -> None:
        item.left_at = time.monotonic()
        self._waiting.remove(item)
        self._left[item.id] = item
        self._save()

    def _forget(self) -> None:
        for item in list(self._left.values()):
            if item.left_at is not None and time.monotonic() - item.left_at > REMEMBERED_SECONDS:
                del self._left[item.id]

    def _save(self) -> None:
        waiting = [asdict(item) for item in self._waiting]
        write_json(self._path, {"next_id": self._next_id, "waiting": waiting})
