"""CronJobs: a Job at each time that a schedule names.

https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/
"""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from deploy.sandbox.kubernetes import objects
from deploy.sandbox.kubernetes.status import AlreadyExists

from .base import Controller, condition, controller_of, write_status
from .schedule import InvalidScheduleError, Schedule

Object = dict[str, Any]
JOBS = "jobs.batch"
SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"


class CronJobs(Controller):
    """The controller of CronJobs."""

    resource = "cronjobs.batch"
    also = (JOBS,)
    component = "cronjob-controller"

    def sync(self, obj: Object) -> float | None:
        """Start the Job that is due, tidy up, and return when the next one is."""
        spec = obj["spec"]
        jobs = [job for job in self.store.list(JOBS, obj["metadata"]["namespace"])
                if (controller_of(job) or {}).get("uid") == obj["metadata"]["uid"]]  # fmt: skip
        self._write_status(obj, jobs)
        self._tidy(obj, jobs)
        if spec.get("suspend") or "deletionTimestamp" in obj["metadata"]:
            return None
        try:
            schedule = Schedule.parse(spec["schedule"])
            zone: dt.tzinfo = ZoneInfo(spec["timeZone"]) if spec.get("timeZone") else dt.UTC
        except (InvalidScheduleError, ValueError, KeyError) as exc:
            self.events.record(
                obj, "Warning", "UnparseableSchedule", f"unparseable schedule: {spec['schedule']!r} : {exc}"
            )
            return None
        now = dt.datetime.now(zone)
        last = (obj.get("status") or {}).get("lastScheduleTime") or obj["metadata"]["creationTimestamp"]
        due = schedule.latest(objects.parse_time(last).astimezone(zone), now)
        if due is not None and self._in_time(spec, due, now):
            self._start(obj, jobs, due)
        following = schedule.after(now)
        return (following - dt.datetime.now(zone)).total_seconds() + 0.05

    @staticmethod
    def _in_time(spec: Object, due: dt.datetime, now: dt.datetime) -> bool:
        patience = spec.get("startingDeadlineSeconds")
        return patience is None or (now - due).total_seconds() <= patience

    def _start(self, obj: Object, jobs: list[Object], due: dt.datetime) -> None:
        active = [job for job in jobs if not _ended(job)]
        policy = obj["spec"].get("concurrencyPolicy", "Allow")
        if active and policy == "Forbid":
            message = "Not starting job because prior execution is running and concurrency policy is Forbid"
            self.events.record(obj, "Normal", "JobAlreadyActive", message)
            return
        if policy == "Replace":
            for job in active:
                self.store.delete(JOBS, job["metadata"]["namespace"], job["metadata"]["name"])
                self.events.record(obj, "Normal", "SuccessfulDelete", f"Deleted job {job['metadata']['name']}")
        template = obj["spec"]["jobTemplate"]
        stamp = objects.stamp(due.astimezone(dt.UTC))
        metadata = {
            "name": f"{obj['metadata']['name']}-{int(due.timestamp()) // 60}", "namespace": obj["metadata"]["namespace"],
            "labels": dict((template.get("metadata") or {}).get("labels") or {}),
            "annotations": {**((template.get("metadata") or {}).get("annotations") or {}), SCHEDULED: stamp},
            "ownerReferences": [objects.owner_reference(obj)],
        }  # fmt: skip
        try:
            job = self.store.create(JOBS, {"metadata": metadata, "spec": template["spec"]})
        except AlreadyExists:
            return
        self.events.record(obj, "Normal", "SuccessfulCreate", f"Created job {job['metadata']['name']}")
        fresh = self.store.get(self.resource, obj["metadata"]["namespace"], obj["metadata"]["name"])
        if fresh is not None:
            status = {**(fresh.get("status") or {}), "lastScheduleTime": stamp}
            status["active"] = [*(status.get("active") or []), _reference(job)]
            write_status(self.store, self.resource, fresh, status)

    def _write_status(self, obj: Object, jobs: list[Object]) -> None:
        status = dict(obj.get("status") or {})
        active = [_reference(job) for job in jobs if not _ended(job)]
        status.pop("active", None)
        finished = [job["status"]["completionTime"] for job in jobs if (job.get("status") or {}).get("completionTime")]
        result = {"active": active} if active else {}
        result |= {key: status[key] for key in ("lastScheduleTime",) if key in status}
        if finished:
            result["lastSuccessfulTime"] = max([*finished, status.get("lastSuccessfulTime", "")])
        elif "lastSuccessfulTime" in status:
            result["lastSuccessfulTime"] = status["lastSuccessfulTime"]
        write_status(self.store, self.resource, obj, result)
        obj["status"] = result

    def _tidy(self, obj: Object, jobs: list[Object]) -> None:
        for kind, field, default in (
            ("Complete", "successfulJobsHistoryLimit", 3),
            ("Failed", "failedJobsHistoryLimit", 1),
        ):
            ended = [job for job in jobs if (condition(job, kind) or {}).get("status") == "True"]
            ended.sort(key=lambda job: job["metadata"]["creationTimestamp"], reverse=True)
            for job in ended[obj["spec"].get(field, default) :]:
                self.store.delete(JOBS, job["metadata"]["namespace"], job["metadata"]["name"])


def _ended(job: Object) -> bool:
    return any((condition(job, kind) or {}).get("status") == "True" for kind in ("Complete", "Failed"))


def _reference(job: Object) -> Object:
    metadata = job["metadata"]
    return {"kind": "Job", "namespace": metadata["namespace"], "name": metadata["name"], "uid": metadata["uid"],
            "apiVersion": "batch/v1", "resourceVersion": metadata["resourceVersion"]}  # fmt: skip
