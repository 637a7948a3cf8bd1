"""One container of one pod as the kubelet knows it: its latest run, the one before, and what it waits for."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass, field
from typing import Any, Literal

from deploy.sandbox.kubernetes import objects

from .probes import Probes

Object = dict[str, Any]
Kind = Literal["init", "sidecar", "app", "ephemeral"]
Run = dict[str, Any]  # as pods.shim.Run
MESSAGE_BYTES = 4096


@dataclass
class Unit:
    """A container. `run` is the latest run, `last` the finished run before it."""

    pod_uid: str
    spec: Object
    kind: Kind
    run: Run | None = None
    last: Run | None = None
    attempt: int = -1  # of the latest run; the restart count
    waiting: tuple[str, str] | None = None  # reason and message
    image: str = ""
    image_id: str = ""
    user: Object | None = None
    probes: Probes | None = None
    failures: int = 0  # in a row; drives the back-off
    pulls_failed: int = 0
    busy: bool = False  # being started or stopped
    messages: dict[int, str] = field(default_factory=dict)  # termination messages by attempt

    @property
    def name(self) -> str:
        """Return the container's name."""
        return str(self.spec["name"])

    @property
    def running(self) -> bool:
        """Return whether its process runs."""
        return self.run is not None and self.run["finished"] is None

    @property
    def finished(self) -> bool:
        """Return whether its latest run has ended."""
        return self.run is not None and self.run["finished"] is not None

    @property
    def succeeded(self) -> bool:
        """Return whether its latest run ended with exit code 0."""
        return self.finished and self.run is not None and self.run["exit_code"] == 0

    @property
    def started(self) -> bool:
        """Return whether it runs and its startup probe (if any) has passed."""
        return self.running and (self.probes is None or self.probes.started)

    @property
    def ready(self) -> bool:
        """Return what the pod's status shows as ready."""
        if self.kind == "init":
            return self.succeeded
        if self.kind == "ephemeral":
            return False
        return self.running and self.probes is not None and self.probes.ready

    @property
    def field_path(self) -> str:
        """Return how events name it."""
        group = {"app": "containers", "ephemeral": "ephemeralContainers"}.get(self.kind, "initContainers")
        return f"spec.{group}{{{self.name}}}"

    def container_id(self, attempt: int) -> str:
        """Return the id of one run, stable over restarts of the sandbox."""
        return "containerd://" + hashlib.sha256(f"{self.pod_uid}/{self.name}/{attempt}".encode()).hexdigest()

    def show_waiting(self, reason: str, message: str) -> None:
        """Wait for that reason; the run that ended before is then seen as the last one."""
        self.waiting = (reason, message)
        if self.finished:
            self.last = self.run

    def status(self) -> Object:
        """Return its entry in the pod's containerStatuses."""
        result: Object = {
            "name": self.name,
            "state": self._state(),
            "lastState": {"terminated": self._terminated(self.last)} if self.last is not None else {},
            "ready": self.ready,
            "restartCount": max(self.attempt, 0),
            "image": self.image or self.spec["image"],
            "imageID": self.image_id,
        }
        if self.run is not None:
            result["containerID"] = self.container_id(self.attempt)
        elif self.last is not None:
            result["containerID"] = self.container_id(self.last["attempt"])
        if self.kind != "ephemeral":
            result["started"] = self.started
        resources = {
            kind: dict(values)
            for kind, values in (self.spec.get("resources") or {}).items()
            if kind != "claims" and values
        }
        if self.run is not None:
            if resources.get("requests"):
                result["allocatedResources"] = resources["requests"]
            result["resources"] = resources
        mounts = [_mount_status(mount) for mount in self.spec.get("volumeMounts") or ()]
        if mounts:
            result["volumeMounts"] = mounts
        if self.user is not None and self.run is not None:
            result["user"] = self.user
        return result

    def _state(self) -> Object:
        if self.waiting is not None:
            reason, message = self.waiting
            return {"waiting": {"reason": reason} | ({"message": message} if message else {})}
        if self.run is None:
            return {"waiting": {"reason": "ContainerCreating"}}
        if self.running:
            return {"running": {"startedAt": _time(self.run["started"])}}
        return {"terminated": self._terminated(self.run)}

    def _terminated(self, run: Run) -> Object:
        reason = "Completed" if run["exit_code"] == 0 else "Error"
        if run.get("error"):
            reason = "StartError"
        elif run.get("oom"):
            reason = "OOMKilled"
        elif run.get("lost"):
            reason = "Unknown"
        result: Object = {"exitCode": run["exit_code"], "reason": reason}
        message = start_error(run["error"]) if run.get("error") else self.messages.get(run["attempt"], "")
        if message:
            result["message"] = message
        return result | {
            "startedAt": _time(run["started"]),
            "finishedAt": _time(run["finished"]),
            "containerID": self.container_id(run["attempt"]),
        }


def start_error(why: str) -> str:
    """Return a start failure as a real node words it."""
    head = "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed"
    return f"{head}: unable to start container process: {why}"


def _time(seconds: float) -> str:
    return objects.stamp(dt.datetime.fromtimestamp(seconds, dt.UTC))


def _mount_status(mount: Object) -> Object:
    result = {"name": mount["name"], "mountPath": mount["mountPath"]}
    if mount.get("readOnly"):
        result |= {"readOnly": True, "recursiveReadOnly": mount.get("recursiveReadOnly", "Disabled")}
    return result
