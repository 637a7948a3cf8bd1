"""One pod on the node: bring what runs to what its specification asks for, again and again.

Flow of `_sync`: deleted? deadline over? ended? -> volumes -> shim -> init containers in order -> sidecars and containers, each
started by a task of its own -> status. Whatever happens (the pod changed, a container ended, a probe spoke, a wait is over) wakes
the worker, and it looks at everything anew; so it can also take up a pod that ran on while the sandbox was away.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deploy.sandbox.kubernetes import objects
from deploy.sandbox.kubernetes.pods.client import Shim, ShimGoneError, remove_folder

from . import adoption, ending
from .actions import Actions
from .environment import Resolver
from .probes import Probes
from .starting import NotStartedError, Starter, termination_message
from .status import Facts, build, phase
from .unit import Run, Unit, start_error
from .volumes import MountError, Volumes

if TYPE_CHECKING:
    from .kubelet import Kubelet

Object = dict[str, Any]
FINAL = ("Succeeded", "Failed")
CONFIG_RETRY = 2.0
DEADLINE_MESSAGE = "Pod was active on the node longer than the specified deadline"


class Worker:
    """Runs one pod until it is gone."""

    def __init__(self, kubelet: Kubelet, pod: Object) -> None:
        self.kubelet = kubelet
        self.store = kubelet.store
        self.pod = pod
        self.uid = pod["metadata"]["uid"]
        self.folder: Path = kubelet.pods_folder / self.uid
        self.shim = Shim(self.folder)
        self.volumes = Volumes(kubelet.store, self.folder / "volumes", kubelet.claims_folder, kubelet.issue_token)
        self.starter = Starter(kubelet.store, kubelet.images, self.shim, self.volumes, self.folder, kubelet.capability)
        self.units: list[Unit] = []
        self.ip: str | None = None
        self.gone = False  # the object was removed from the store
        self.ended: tuple[str, str] | None = None
        self.stopped = False
        self.kill_at = float("inf")  # when patience ends, whatever the grace period was
        self._sandbox_ready = False
        self._start_time = (pod.get("status") or {}).get("startTime") or objects.now()
        self._wake = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._watching: asyncio.Task[None] | None = None
        self._retry_at = 0.0
        self._add_units()

    # News from outside

    def wake(self) -> None:
        """Let the worker look at everything again soon."""
        self._wake.set()

    def changed(self, pod: Object, *, gone: bool = False) -> None:
        """Take the pod's new state."""
        before, self.pod = self.pod, pod
        self.gone = self.gone or gone
        if gone:  # deleted by force
            self.kill_at = min(self.kill_at, time.monotonic() + ending.FORCED_GRACE)
        elif "deletionTimestamp" in before["metadata"]:
            grace = pod["metadata"].get("deletionGracePeriodSeconds", 0)
            if grace < before["metadata"].get("deletionGracePeriodSeconds", 0):  # deleted again, with less patience
                self.kill_at = min(self.kill_at, time.monotonic() + grace)
        self._add_units()
        self.wake()

    def refresh_volumes(self) -> None:
        """Write changed ConfigMaps and Secrets into the pod's volumes."""
        if self._sandbox_ready and not self.stopped:
            self.volumes.refresh(self.pod, self.resolver())

    def _add_units(self) -> None:
        spec = self.pod["spec"]
        known = {unit.name: unit for unit in self.units}
        wanted = [
            (each, "sidecar" if each.get("restartPolicy") == "Always" else "init")
            for each in spec.get("initContainers") or ()
        ]
        wanted += [(each, "app") for each in spec["containers"]]
        wanted += [(each, "ephemeral") for each in spec.get("ephemeralContainers") or ()]
        first = ("PodInitializing", "") if spec.get("initContainers") else ("ContainerCreating", "")
        self.units = []
        for each, kind in wanted:
            unit = known.get(each["name"]) or Unit(self.uid, each, kind, waiting=first)  # type: ignore[arg-type]
            unit.spec = each
            self.units.append(unit)

    def unit(self, name: str) -> Unit | None:
        """Return the container of that name."""
        return next((unit for unit in self.units if unit.name == name), None)

    def resolver(self) -> Resolver:
        """Return what resolves the pod's references."""
        kubelet = self.kubelet
        return Resolver(
            self.store, self.pod, pod_ip=self.ip or "", host_ip=kubelet.host_ip, allocatable=kubelet.node.allocatable
        )

    def tell(self, unit: Unit | None) -> Callable[[str, str, str], None]:
        """Return how to record events about a container, or about the pod."""
        path = unit.field_path if unit is not None else None
        return lambda kind, reason, message: self.kubelet.events.record(self.pod, kind, reason, message, path)

    # The loop

    async def run(self) -> None:
        """Work until the pod is gone. Canceling it leaves the containers running."""
        try:
            await adoption.adopt(self)
            while True:
                self._wake.clear()
                if await self._sync():
                    return
                timeout = max(0.05, self._retry_at - time.monotonic()) if self._retry_at else None
                self._retry_at = 0.0
                try:
                    async with asyncio.timeout(timeout):
                        await self._wake.wait()
                except TimeoutError:
                    continue
        finally:
            for unit in self.units:
                if unit.probes is not None:
                    unit.probes.stop()
            for task in (*self._tasks, *([self._watching] if self._watching else [])):
                task.cancel()

    async def _sync(self) -> bool:
        """Do the next things; return whether the pod is gone."""
        if self.gone or "deletionTimestamp" in self.pod["metadata"]:
            return await ending.delete(self)
        if self.stopped:
            self.write_status()
            return False
        if self._over_deadline():
            self.ended = ("DeadlineExceeded", DEADLINE_MESSAGE)
            self.tell(None)("Normal", *self.ended)
            await self._stop_all()
            return False
        if phase(self.pod, self._facts()) in FINAL:
            await self._stop_all()
            return False
        if not self._sandbox_ready and not await self._make_sandbox():
            return False
        self._start_what_is_due()
        self.write_status()
        return False

    async def _stop_all(self) -> None:
        await ending.stop_containers(self, self.pod["spec"].get("terminationGracePeriodSeconds", 30))
        self.stopped = True
        await self.shim.quit()
        self.write_status()

    def _over_deadline(self) -> bool:
        seconds = self.pod["spec"].get("activeDeadlineSeconds")
        if seconds is None:
            return False
        left = objects.parse_time(self._start_time).timestamp() + seconds - time.time()
        if left > 0:
            self.retry_in(left)
        return left <= 0

    def retry_in(self, seconds: float) -> None:
        """Look again after that time at the latest."""
        at = time.monotonic() + seconds
        self._retry_at = min(self._retry_at, at) if self._retry_at else at

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something beside the loop, which is woken when it ends."""

        def done(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            self.wake()

        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(done)

    # The pod's sandbox

    async def _make_sandbox(self) -> bool:
        self.write_status()
        self.ip = self.ip or self.kubelet.addresses.take(self.uid)
        try:
            self.volumes.prepare(self.pod, self.resolver())
        except MountError as exc:
            self.tell(None)("Warning", "FailedMount", str(exc))
            self.retry_in(CONFIG_RETRY)
            return False
        try:
            await self.shim.launch(ip=self.ip, capability=self.kubelet.capability)
        except ShimGoneError as exc:
            self.tell(None)("Warning", "FailedCreatePodSandBox", f"Failed to create pod sandbox: {exc}")
            self.retry_in(CONFIG_RETRY)
            return False
        self.attach()
        return True

    def attach(self) -> None:
        """Listen to the shim, which runs."""
        self._sandbox_ready = True
        self._watching = asyncio.create_task(self._watch_shim())

    async def _watch_shim(self) -> None:
        try:
            async for run in self.shim.watch():
                self._take_run(run)
        except (ShimGoneError, OSError):
            pass
        if not self.stopped and not self.gone:  # somebody killed it: everything in it is gone
            self._sandbox_ready = False
            for unit in self.units:
                self._lose(unit)
            self.tell(None)("Normal", "SandboxChanged", "Pod sandbox changed, it will be killed and re-created.")
            self.wake()

    def _lose(self, unit: Unit) -> None:
        if unit.running and unit.run is not None:
            saved = self.shim.saved(self.starter.run_folder(unit.name, unit.attempt))
            if saved is None or saved["finished"] is None:
                saved = {**unit.run, "finished": time.time(), "exit_code": 255, "lost": True}
            self._take_run(saved)

    # Containers

    def _start_what_is_due(self) -> None:
        for unit in self.units:
            if unit.kind == "init":
                if unit.succeeded:
                    continue
                self._consider(unit)
                return
            if unit.kind == "sidecar":
                self._consider(unit)
                if not unit.started:
                    return
        for unit in self.units:
            if unit.kind in ("app", "ephemeral"):
                self._consider(unit)

    def _consider(self, unit: Unit) -> None:
        if unit.busy:
            return
        if unit.running:
            if unit.kind == "app" and self._image_changed(unit):
                message = f"Container {unit.name} definition changed, will be restarted"
                unit.busy = True
                self.spawn(self._restart(unit, message, again=True))
            return
        if unit.finished and not self._restarts(unit):
            return
        delay = self._delay_left(unit)
        if delay <= 0:
            unit.busy = True
            self.spawn(self._start(unit))
            return
        self._show_backoff(unit, delay)

    def _restarts(self, unit: Unit) -> bool:
        policy = self.pod["spec"].get("restartPolicy", "Always")
        if unit.kind == "ephemeral":
            return False
        if unit.kind == "sidecar":
            return True
        if unit.kind == "init" and policy == "Always":
            return not unit.succeeded
        return bool(policy == "Always" or (policy == "OnFailure" and not unit.succeeded))

    def _delay_left(self, unit: Unit) -> float:
        if unit.run is None or unit.run["finished"] is None:
            return 0.0
        return float(unit.run["finished"]) + self.kubelet.backoff.delay(unit.failures) - time.time()

    def _show_backoff(self, unit: Unit, left: float) -> None:
        """Show how the run ended for the first half of the wait, CrashLoopBackOff for the second, as real nodes show both."""
        whole = self.kubelet.backoff.delay(unit.failures)
        if left > whole / 2:
            self.retry_in(left - whole / 2)
            return
        self.retry_in(left)
        if unit.waiting is not None and unit.waiting[0] != "RunContainerError":
            return
        pod = f"{self.pod['metadata']['name']}_{self.pod['metadata']['namespace']}({self.uid})"
        self.tell(unit)("Warning", "BackOff", f"Back-off restarting failed container {unit.name} in pod {pod}")
        unit.show_waiting("CrashLoopBackOff", f"back-off {whole:g}s restarting failed container={unit.name} pod={pod}")

    async def _start(self, unit: Unit) -> None:
        tell = self.tell(unit)
        try:
            if unit.run is None:
                unit.waiting = unit.waiting or ("ContainerCreating", "")
            image = await self.starter.image(self.pod, unit, tell)
            unit.pulls_failed = 0
            run = await self.starter.start(self.pod, unit, image, self.resolver(), tell)
        except NotStartedError as exc:
            tell("Warning", "Failed", f"Error: {exc if exc.reason == 'CreateContainerConfigError' else exc.reason}")
            unit.show_waiting(exc.reason, str(exc))
            self.write_status()
            await self._wait_before_retry(unit, exc)
        except (ShimGoneError, OSError) as exc:
            tell("Warning", "Failed", f"Error: {exc}")
            await asyncio.sleep(CONFIG_RETRY)
        else:
            self._take_run(run)
            if run.get("error"):
                tell("Warning", "Failed", f"Error: {start_error(run['error'])}")
            else:
                tell("Normal", "Started", "Container started")
                await self._post_start(unit)
        finally:
            unit.busy = False

    async def _wait_before_retry(self, unit: Unit, failure: NotStartedError) -> None:
        if failure.reason != "ErrImagePull":
            await asyncio.sleep(CONFIG_RETRY)
            return
        unit.pulls_failed += 1
        delay = self.kubelet.backoff.pull_delay(unit.pulls_failed)
        await asyncio.sleep(delay / 2)
        image = unit.spec["image"]
        unit.waiting = ("ImagePullBackOff", f'Back-off pulling image "{image}": ErrImagePull: {failure}')
        self.tell(unit)("Normal", "BackOff", f'Back-off pulling image "{image}"')
        self.tell(unit)("Warning", "Failed", "Error: ImagePullBackOff")
        self.write_status()
        await asyncio.sleep(delay / 2)

    async def _post_start(self, unit: Unit) -> None:
        hook = (unit.spec.get("lifecycle") or {}).get("postStart")
        if not hook:
            return
        outcome = await Actions(self.shim, unit.spec, self.ip or "").run(hook, 60.0)
        if not outcome.ok:
            self.tell(unit)("Warning", "FailedPostStartHook", f"PostStartHook failed: {outcome.message}")
            await self._restart(unit, "FailedPostStartHook")

    async def _restart(self, unit: Unit, why: str, *, again: bool = False) -> None:
        """Stop a container; it is started again as its restart policy says (`again`: at once)."""
        unit.busy = True
        try:
            self.tell(unit)("Normal", "Killing", why)
            await ending.stop_one(self, unit, self.pod["spec"].get("terminationGracePeriodSeconds", 30))
            if again:
                unit.failures = 0
        finally:
            unit.busy = False

    def _image_changed(self, unit: Unit) -> bool:
        try:
            meta = json.loads((self.starter.run_folder(unit.name, unit.attempt) / "meta.json").read_text())
        except (OSError, ValueError):
            return False
        return bool(meta["spec_image"] != unit.spec["image"])

    def _take_run(self, run: Run) -> None:
        """Take the state of a run that the shim or the disk tells."""
        unit = self.unit(run["name"])
        if unit is None or run["attempt"] < unit.attempt:
            return
        fresh = unit.run is None or run["attempt"] > unit.attempt
        if not fresh and unit.finished:
            return
        if fresh:
            unit.last = unit.run or unit.last
            unit.attempt, unit.waiting = run["attempt"], None
            adoption.read_meta(unit, self.starter.run_folder(unit.name, unit.attempt))
        unit.run = run
        if unit.running:
            if unit.probes is None or fresh:
                self.begin_probes(unit)
        else:
            self._note_end(unit, run)
            if run.get("error") and self._restarts(unit):  # a real node shows such an end as the last state only
                unit.show_waiting("RunContainerError", start_error(run["error"]))
        self.write_status()
        self.wake()

    def _note_end(self, unit: Unit, run: Run) -> None:
        unit.messages = {run["attempt"]: termination_message(self.starter.run_folder(unit.name, run["attempt"]), unit.spec),
                         run["attempt"] - 1: unit.messages.get(run["attempt"] - 1, "")}  # fmt: skip
        ran_for = run["finished"] - run["started"]
        unit.failures = 1 if run["started"] and ran_for > self.kubelet.backoff.forgive else unit.failures + 1
        if unit.probes is not None:
            unit.probes.stop()
            unit.probes = None

    def begin_probes(self, unit: Unit, known: Object | None = None) -> None:
        """Begin to probe a container that runs; `known` is its status of before the sandbox was restarted."""
        if unit.probes is not None:
            unit.probes.stop()
        words = {"startup": "Startup", "readiness": "Readiness", "liveness": "Liveness"}

        def failed(kind: str, message: str) -> None:
            self.tell(unit)("Warning", "Unhealthy", f"{words[kind]} probe failed: {message}")

        def give_up(kind: str) -> None:
            if not unit.busy:
                self.spawn(self._restart(unit, f"Container {unit.name} failed {kind} probe, will be restarted"))

        def news() -> None:
            self.write_status()
            self.wake()

        actions = Actions(self.shim, unit.spec, self.ip or "")
        unit.probes = Probes(unit.spec, actions, on_change=news, on_failure=failed, on_give_up=give_up, known=known)

    # Status

    def _facts(self) -> Facts:
        return Facts(
            self.units, self.kubelet.host_ip, self.ip if self._sandbox_ready or self.stopped else None,
            self._sandbox_ready and not self.stopped, self._start_time, self.ended, self.stopped,
        )  # fmt: skip

    def write_status(self) -> None:
        """Write the pod's status where it changed."""
        namespace, name = self.pod["metadata"]["namespace"], self.pod["metadata"]["name"]
        pod = self.store.get("pods", namespace, name)
        if pod is None or pod["metadata"]["uid"] != self.uid:
            return
        pod["status"] = build(pod, self._facts())
        pod["metadata"].pop("resourceVersion", None)
        self.pod = self.store.update("pods", pod, status=True)

    def forget(self) -> None:
        """Remove what is left of the pod on disk."""
        self.kubelet.addresses.give_back(self.uid)
        remove_folder(self.folder)
