"""Startup, readiness and liveness of one run of one container.

https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from .actions import Actions, Outcome

Object = dict[str, Any]
KINDS = ("startup", "readiness", "liveness")


class Probes:
    """Runs a container's probes.

    `on_change` is called when started or ready changes, `on_failure` with (kind, message) at each failed try, `on_give_up`
    with the kind when a startup or liveness probe has failed too often.
    """

    def __init__(
        self,
        container: Object,
        actions: Actions,
        *,
        on_change: Callable[[], None],
        on_failure: Callable[[str, str], None],
        on_give_up: Callable[[str], None],
        known: Object | None = None,
    ) -> None:
        self._probes: dict[str, Object] = {
            kind: container[f"{kind}Probe"] for kind in KINDS if container.get(f"{kind}Probe")
        }
        self._actions = actions
        self._on_change, self._on_failure, self._on_give_up = on_change, on_failure, on_give_up
        known = known or {}  # the status of before the sandbox was restarted: readiness must not flicker
        self.started = "startup" not in self._probes or bool(known.get("started"))
        self.ready = self.started and ("readiness" not in self._probes or bool(known.get("ready")))
        self._started_event = asyncio.Event()
        if self.started:
            self._started_event.set()
        self._tasks = [asyncio.create_task(self._run(kind, probe)) for kind, probe in self._probes.items()]

    def stop(self, *kinds: str) -> None:
        """Stop probing (the given kinds, or all)."""
        for kind, task in zip(self._probes, self._tasks, strict=True):
            if not kinds or kind in kinds:
                task.cancel()

    async def _run(self, kind: str, probe: Object) -> None:
        if kind != "startup":
            await self._started_event.wait()
        await asyncio.sleep(probe.get("initialDelaySeconds", 0))
        good = bad = 0
        while True:
            outcome = await self._try(probe)
            if outcome.ok:
                good, bad = good + 1, 0
                if good >= probe.get("successThreshold", 1) and self._pass(kind):
                    return
            else:
                good, bad = 0, bad + 1
                self._on_failure(kind, outcome.message)
                if bad >= probe.get("failureThreshold", 3) and self._fail(kind):
                    return
            await asyncio.sleep(probe.get("periodSeconds", 10))

    async def _try(self, probe: Object) -> Outcome:
        return await self._actions.run(probe, float(probe.get("timeoutSeconds", 1)))

    def _pass(self, kind: str) -> bool:
        """Take note of success; return whether this probe has done its work."""
        if kind == "startup":
            if not self.started:
                self.started = True
                self.ready = "readiness" not in self._probes
                self._started_event.set()
                self._on_change()
            return True
        if kind == "readiness" and not self.ready:
            self.ready = True
            self._on_change()
        return False

    def _fail(self, kind: str) -> bool:
        """Take note that the threshold is reached; return whether this probe has done its work."""
        if kind == "readiness":
            if self.ready:
                self.ready = False
                self._on_change()
            return False
        self._on_give_up(kind)
        return True
