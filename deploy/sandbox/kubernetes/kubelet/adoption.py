"""Take up a pod that was running, or had run, before the sandbox came up: from its shim, its folder and its last status."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .starting import termination_message
from .unit import Unit

if TYPE_CHECKING:
    from .worker import Worker

Object = dict[str, Any]
STATUS_KINDS = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")


async def adopt(worker: Worker) -> None:
    """Find what is there; what ran without a shim that still answers has ended with exit code 255."""
    status = worker.pod.get("status") or {}
    alive = worker.folder.is_dir() and await worker.shim.alive()
    known = {each["name"]: each for kind in STATUS_KINDS for each in status.get(kind) or ()}
    for unit in worker.units:
        _adopt_runs(worker, unit, known.get(unit.name) or {}, alive=alive)
    if status.get("phase") in ("Succeeded", "Failed") and not alive:
        worker.stopped, worker.ip = True, status.get("podIP")
    if alive:
        worker.ip = json.loads((worker.folder / "pod.json").read_text())["ip"]
        worker.kubelet.addresses.keep(worker.uid, worker.ip)
        for unit in worker.units:
            if unit.running:
                worker.begin_probes(unit, known.get(unit.name))
        worker.attach()


def _adopt_runs(worker: Worker, unit: Unit, known: Object, *, alive: bool) -> None:
    folder = worker.folder / "containers" / unit.name
    attempts = sorted(int(path.name) for path in folder.glob("*") if (path / "state.json").exists())
    for attempt in attempts[-2:]:
        saved = worker.shim.saved(folder / str(attempt))
        if saved is None:
            continue
        if saved["finished"] is None and not alive:
            saved |= {"finished": time.time(), "exit_code": 255, "lost": True}
        unit.last, unit.run, unit.attempt = unit.run, saved, attempt
        read_meta(unit, folder / str(attempt))
        if saved["finished"] is not None:
            unit.messages[attempt] = termination_message(folder / str(attempt), unit.spec)
            unit.failures += 1
    waiting = (known.get("state") or {}).get("waiting")
    if waiting and not unit.running:
        unit.waiting = (waiting["reason"], waiting.get("message", ""))
    elif unit.run is not None:
        unit.waiting = None


def read_meta(unit: Unit, folder: Path) -> None:
    """Take from disk what a run was started from: its image and its user."""
    meta: Object = json.loads((folder / "meta.json").read_text())
    unit.image, unit.image_id = meta["image"], meta["imageID"]
    unit.user = {"linux": {"uid": meta["uid"], "gid": meta["gid"], "supplementalGroups": [meta["gid"]]}}
