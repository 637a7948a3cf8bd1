"""Jobs: pods that run to their end.

https://kubernetes.io/docs/concepts/workloads/controllers/job/
"""

from __future__ import annotations

from typing import Any

from deploy.sandbox.kubernetes import objects

from .base import (
    Controller,
    claim,
    condition,
    delete_pod,
    is_active,
    is_ready,
    is_terminating,
    phase_of,
    pod_from,
    seconds_since,
    write_status,
)

Object = dict[str, Any]
INDEX = "batch.kubernetes.io/job-completion-index"
RETRY_FIRST, RETRY_LONGEST = 1.0, 60.0


class Jobs(Controller):
    """The controller of Jobs."""

    resource = "jobs.batch"
    also = ("pods",)
    component = "job-controller"

    def sync(self, obj: Object) -> float | None:
        """Start pods until enough have succeeded or too many have failed."""
        ended = next(
            (each for each in ("Complete", "Failed") if (condition(obj, each) or {}).get("status") == "True"), None
        )
        if ended is not None:
            return self._after_end(obj)
        if "deletionTimestamp" in obj["metadata"]:
            return None
        work = _Work(self, obj, claim(self.store, "pods", obj))
        return work.go_on()

    def _after_end(self, obj: Object) -> float | None:
        ttl = obj["spec"].get("ttlSecondsAfterFinished")
        if ttl is None:
            return None
        last = (obj["status"]["conditions"] or [{}])[-1]["lastTransitionTime"]
        left = float(ttl) - seconds_since(last)
        if left > 0:
            return left
        self.store.delete(
            self.resource, obj["metadata"]["namespace"], obj["metadata"]["name"], propagation="Background"
        )
        return None


class _Work:
    """One look at one Job."""

    def __init__(self, controller: Jobs, job: Object, pods: list[Object]) -> None:
        self._store, self._events = controller.store, controller.events
        self._job, self._pods = job, pods
        self._spec = job["spec"]
        self._status: Object = {
            key: value for key, value in (job.get("status") or {}).items() if key in ("conditions", "startTime")
        }
        self._conditions: list[Object] = [dict(each) for each in self._status.get("conditions") or ()]
        self._active = [pod for pod in pods if is_active(pod)]
        self._succeeded = [pod for pod in pods if phase_of(pod) == "Succeeded"]
        self._failed = [pod for pod in pods if phase_of(pod) == "Failed"]

    def go_on(self) -> float | None:
        """Do what is next and write the status; return when to look again."""
        if self._spec.get("suspend"):
            return self._suspend()
        self._resume()
        again: float | None = None
        failing = self._failing()
        if failing is not None or self._target("FailureTarget") is not None:
            self._fail(failing)
        elif self._enough():
            self._complete()
        else:
            again = self._start_pods()
            deadline = self._spec.get("activeDeadlineSeconds")
            if deadline is not None:
                left = float(deadline) - seconds_since(self._status["startTime"])
                again = left if again is None else min(left, again)
        self._write()
        return again

    def _suspend(self) -> float | None:
        for pod in self._active:
            self._delete(pod)
        self._status.pop("startTime", None)
        if self._target("Suspended") is None:
            self._set("Suspended", "JobSuspended", "Job suspended")
            self._events.record(self._job, "Normal", "Suspended", "Job suspended")
        self._write()
        return None

    def _resume(self) -> None:
        self._conditions = [each for each in self._conditions if each["type"] != "Suspended"]
        self._status.setdefault("startTime", objects.now())

    def _failing(self) -> tuple[str, str] | None:
        deadline = self._spec.get("activeDeadlineSeconds")
        if deadline is not None and seconds_since(self._status["startTime"]) >= deadline:
            return "DeadlineExceeded", "Job was active longer than specified deadline"
        restarts = sum(
            each["restartCount"]
            for pod in self._active
            for each in (pod.get("status") or {}).get("containerStatuses") or ()
        )
        limit = self._spec.get("backoffLimit", 6)
        over = len(self._failed) > limit
        if self._spec["template"]["spec"].get("restartPolicy") == "OnFailure":
            over = over or (restarts >= limit and restarts > 0)
        return ("BackoffLimitExceeded", "Job has reached the specified backoff limit") if over else None

    def _fail(self, failing: tuple[str, str] | None) -> None:
        target = self._target("FailureTarget")
        if target is None:
            assert failing is not None
            self._set("FailureTarget", *failing)
            self._events.record(self._job, "Warning", *failing)
        for pod in self._active:
            self._delete(pod)
        if target is None:
            return  # what is decided is told first; the change brings us back
        if not self._active and not any(is_terminating(pod) for pod in self._pods):
            self._set("Failed", target["reason"], target["message"])

    def _enough(self) -> bool:
        if self._spec.get("completionMode") == "Indexed":
            return len({_index(pod) for pod in self._succeeded}) >= (self._spec.get("completions") or 1)
        completions = self._spec.get("completions")
        if completions is None:  # a work queue: one success and nobody left
            return bool(self._succeeded) and not self._active
        return len(self._succeeded) >= completions

    def _complete(self) -> None:
        message = "Reached expected number of succeeded pods"
        decided = self._target("SuccessCriteriaMet") is not None
        if not decided:
            self._set("SuccessCriteriaMet", "CompletionsReached", message)
        for pod in self._active:
            self._delete(pod)
        if decided and not self._active and not any(is_terminating(pod) for pod in self._pods):
            self._set("Complete", "CompletionsReached", message)
            self._status["completionTime"] = objects.now()
            self._events.record(self._job, "Normal", "Completed", "Job completed")

    def _start_pods(self) -> float | None:
        parallel = self._spec.get("parallelism", 1)
        completions = self._spec.get("completions")
        wanted = parallel if completions is None else min(parallel, completions - len(self._succeeded))
        if completions is None and self._succeeded:
            wanted = len(self._active)
        for pod in self._active[wanted:]:
            self._delete(pod)
        if len(self._active) >= wanted:
            return None
        wait = self._backoff()
        if wait > 0:
            return wait
        for index in self._indexes(wanted - len(self._active)):
            created = self._store.create("pods", self._pod(index))
            self._active.append(created)
            self._events.record(self._job, "Normal", "SuccessfulCreate", f"Created pod: {created['metadata']['name']}")
        return None

    def _backoff(self) -> float:
        """Return how long to wait before a failed pod is replaced: 1 s here, doubling, where real clusters begin with 10 s."""
        if not self._failed:
            return 0.0
        delay = min(RETRY_LONGEST, RETRY_FIRST * 2 ** (len(self._failed) - 1))
        last = min(
            seconds_since((condition(pod, "Ready") or {}).get("lastTransitionTime", objects.now()))
            for pod in self._failed
        )
        return delay - last

    def _indexes(self, count: int) -> list[int | None]:
        if self._spec.get("completionMode") != "Indexed":
            return [None] * count
        taken = {_index(pod) for pod in [*self._succeeded, *self._active]}
        return [each for each in range(self._spec.get("completions") or 1) if each not in taken][:count]

    def _pod(self, index: int | None) -> Object:
        pod = pod_from(self._spec["template"], self._job)
        if index is not None:
            prefix = f"{self._job['metadata']['name']}-{index}-"
            pod["metadata"] |= {"generateName": prefix, "name": prefix[:58] + objects.suffix()}
            pod["metadata"]["annotations"][INDEX] = pod["metadata"]["labels"][INDEX] = str(index)
            variable = {"name": "JOB_COMPLETION_INDEX", "value": str(index)}
            containers = [{**each, "env": [*(each.get("env") or ()), variable]} for each in pod["spec"]["containers"]]
            pod["spec"] = {**pod["spec"], "containers": containers}
        return pod

    def _delete(self, pod: Object) -> None:
        delete_pod(self._store, pod)
        self._events.record(self._job, "Normal", "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}")

    def _target(self, type: str) -> Object | None:
        return next((each for each in self._conditions if each["type"] == type), None)

    def _set(self, type: str, reason: str, message: str) -> None:
        now = objects.now()
        self._conditions.append({"type": type, "status": "True", "lastProbeTime": now, "lastTransitionTime": now,
                                 "reason": reason, "message": message})  # fmt: skip

    def _write(self) -> None:
        active = [pod for pod in claim(self._store, "pods", self._job) if is_active(pod)]
        old = self._job.get("status") or {}
        status: Object = {"conditions": self._conditions} if self._conditions else {}
        status |= {key: value for key, value in self._status.items() if key != "conditions"}
        counts = {"active": len(active), "succeeded": len(self._succeeded), "failed": len(self._failed)}
        for name in ("succeeded", "failed"):  # pods may be removed by hand; what was counted stays counted
            counts[name] = max(counts[name], old.get(name, 0))
        status |= {name: count for name, count in counts.items() if count}
        status |= {
            "terminating": sum(is_terminating(pod) for pod in self._pods), "uncountedTerminatedPods": {},
            "ready": sum(is_ready(pod) for pod in active),
        }  # fmt: skip
        write_status(self._store, "jobs.batch", self._job, status)


def _index(pod: Object) -> int | None:
    value = (pod["metadata"].get("annotations") or {}).get(INDEX)
    return int(value) if value is not None else None
