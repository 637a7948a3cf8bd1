"""How containers end: preStop, SIGTERM, the grace period, SIGKILL; and how a deleted pod goes.

https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import time
from typing import TYPE_CHECKING, Any

from deploy.sandbox.kubernetes import objects
from deploy.sandbox.kubernetes.pods.client import ShimGoneError

from .actions import Actions
from .unit import Unit

if TYPE_CHECKING:
    from .worker import Worker

LEAST_AFTER_HOOK = 2.0  # a preStop hook that took the whole grace period leaves this much for SIGTERM
KILL_WAIT = 5.0
FORCED_GRACE = 1.0


async def delete(worker: Worker) -> bool:
    """End a deleted pod: stop its containers, write the last status, remove the object and what is on disk.

    Return False where a finalizer still holds the object; its logs stay for as long.
    """
    if not worker.stopped:
        await stop_containers(worker, FORCED_GRACE if worker.gone else _grace(worker))
        worker.stopped = True
        await worker.shim.quit()
        worker.write_status()
    kept = _kept(worker)
    if kept is not None and kept["metadata"].get("deletionGracePeriodSeconds"):
        metadata = kept["metadata"]
        worker.store.delete("pods", metadata["namespace"], metadata["name"], grace=0, uid=worker.uid)
    if _kept(worker) is not None:
        return False
    worker.forget()
    return True


def _kept(worker: Worker) -> dict[str, Any] | None:
    metadata = worker.pod["metadata"]
    kept = worker.store.peek("pods", metadata["namespace"], metadata["name"])
    return kept if kept is not None and kept["metadata"]["uid"] == worker.uid else None


def _grace(worker: Worker) -> float:
    metadata = worker.pod["metadata"]
    ends = objects.parse_time(metadata["deletionTimestamp"]).timestamp() + 0.999  # the stamp was cut to whole seconds
    return max(0.0, min(float(metadata.get("deletionGracePeriodSeconds") or 0), ends - time.time()))


async def stop_containers(worker: Worker, grace: float) -> None:
    """Stop everything that runs: the containers together, then the sidecars, the last one first."""
    deadline = time.monotonic() + grace
    for unit in worker.units:
        if unit.running:
            worker.tell(unit)("Normal", "Killing", f"Stopping container {unit.name}")
    await asyncio.gather(
        *(stop_one(worker, unit, grace) for unit in worker.units if unit.kind != "sidecar" and unit.running)
    )
    for unit in reversed(worker.units):
        if unit.kind == "sidecar" and unit.running:
            await stop_one(worker, unit, max(0.0, deadline - time.monotonic()))


async def stop_one(worker: Worker, unit: Unit, grace: float) -> None:
    """Stop one container and return when it has ended."""
    started = time.monotonic()
    attempt = unit.attempt
    if unit.probes is not None:
        unit.probes.stop("liveness", "startup")
    hook = (unit.spec.get("lifecycle") or {}).get("preStop")
    if hook and grace > 0:
        await _pre_stop(worker, unit, hook, grace)
        grace = max(LEAST_AFTER_HOOK, grace - (time.monotonic() - started))
    deadline = time.monotonic() + grace
    with contextlib.suppress(ShimGoneError, OSError):
        await worker.shim.signal(unit.name, _stop_signal(worker, unit))
    while _runs(unit, attempt) and time.monotonic() < min(deadline, worker.kill_at):  # noqa: ASYNC110 - the deadline may move
        await asyncio.sleep(0.02)
    if _runs(unit, attempt):
        with contextlib.suppress(ShimGoneError, OSError):
            await worker.shim.signal(unit.name, signal.SIGKILL)
    given_up = time.monotonic() + KILL_WAIT
    while _runs(unit, attempt) and time.monotonic() < given_up:  # noqa: ASYNC110
        await asyncio.sleep(0.02)


async def _pre_stop(worker: Worker, unit: Unit, hook: dict[str, Any], grace: float) -> None:
    """Run the hook to its end, but no longer than the grace period or the container's life."""
    running = asyncio.create_task(Actions(worker.shim, unit.spec, worker.ip or "").run(hook, grace))
    deadline = time.monotonic() + grace
    attempt = unit.attempt
    while not running.done() and _runs(unit, attempt) and time.monotonic() < min(deadline, worker.kill_at):
        await asyncio.wait({running}, timeout=0.05)
    if running.done():
        if not running.result().ok:
            worker.tell(unit)("Warning", "FailedPreStopHook", f"PreStopHook failed: {running.result().message}")
        return
    running.cancel()
    await asyncio.wait({running})
    if _runs(unit, attempt):
        worker.tell(unit)("Warning", "FailedPreStopHook", "PreStopHook failed: context deadline exceeded")


def _runs(unit: Unit, attempt: int) -> bool:
    return unit.running and unit.attempt == attempt


def _stop_signal(worker: Worker, unit: Unit) -> int:
    try:
        meta = json.loads((worker.starter.run_folder(unit.name, unit.attempt) / "meta.json").read_text())
        return int(signal.Signals[meta["stop_signal"]])
    except (OSError, ValueError, KeyError):
        return signal.SIGTERM
