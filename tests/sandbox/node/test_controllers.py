"""The other controllers, each in one small story."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.sandbox.kubernetes.controllers.schedule import InvalidScheduleError, Schedule

from .kube import Kube


def _template(kube: Kube, name: str, command: list[str], **spec: object) -> dict[str, object]:
    container = {"name": "app", "image": kube.image, "command": command}
    pod = {"containers": [container], "terminationGracePeriodSeconds": 1, **spec}
    return {"metadata": {"labels": {"app": name}}, "spec": pod}


def test_job_completes_and_job_fails_after_its_retries(kube: Kube) -> None:
    for name, command, more in (("ok", ["true"], {}), ("bad", ["false"], {"backoffLimit": 1})):
        template = _template(kube, name, command, restartPolicy="Never")
        kube.create("jobs", {"metadata": {"name": name}, "spec": {"template": template, **more}})

    def condition(name: str, kind: str) -> str:
        found = (kube.get("jobs", name) or {}).get("status") or {}
        return str({each["type"]: each["reason"] for each in found.get("conditions", [])}.get(kind, ""))

    kube.wait(lambda: condition("ok", "Complete") == "CompletionsReached")
    kube.wait(lambda: condition("bad", "Failed") == "BackoffLimitExceeded")
    bad = kube.get("jobs", "bad")
    assert bad is not None
    assert bad["status"]["failed"] == 2
    assert len([pod for pod in kube.list("pods") if pod["metadata"]["labels"]["app"] == "bad"]) == 2


def test_indexed_job_runs_each_index_once(kube: Kube) -> None:
    template = _template(kube, "each", ["sh", "-c", "echo index $JOB_COMPLETION_INDEX"], restartPolicy="Never")
    spec = {"template": template, "completions": 3, "parallelism": 3, "completionMode": "Indexed"}
    kube.create("jobs", {"metadata": {"name": "each"}, "spec": spec})
    kube.wait(lambda: (kube.get("jobs", "each") or {}).get("status", {}).get("succeeded") == 3)
    assert {kube.log(pod["metadata"]["name"]) for pod in kube.list("pods")} == {f"index {n}\n" for n in range(3)}


def test_stateful_set_starts_and_updates_in_order_with_volumes_of_its_own(kube: Kube) -> None:
    command = ["sh", "-c", "hostname >> /data/names; cat /data/names; exec sleep 1000"]
    template = _template(kube, "db", command)
    template["spec"]["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]  # type: ignore[index]
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    spec = {"serviceName": "db", "replicas": 2, "selector": {"matchLabels": {"app": "db"}}, "template": template,
            "volumeClaimTemplates": [claim]}  # fmt: skip
    kube.create("statefulsets", {"metadata": {"name": "db"}, "spec": spec})

    def updated() -> bool:
        found = kube.get("statefulsets", "db") or {}
        status = found.get("status") or {}
        return bool(status.get("updatedReplicas") == status.get("readyReplicas") == 2
                    and status["observedGeneration"] == found["metadata"]["generation"]
                    and status["currentRevision"] == status["updateRevision"])  # fmt: skip

    kube.wait(updated)
    first, second = (kube.get("pods", name) or {} for name in ("db-0", "db-1"))
    assert first["metadata"]["creationTimestamp"] <= second["metadata"]["creationTimestamp"]
    kube.wait(lambda: kube.log("db-0") == "db-0\n")
    kube.merge("statefulsets", "db", {"spec": {"template": {"metadata": {"annotations": {"again": "1"}}}}})
    kube.wait(lambda: (kube.get("pods", "db-0") or first)["metadata"]["uid"] != first["metadata"]["uid"], 25)
    kube.wait(updated)
    kube.wait(lambda: kube.log("db-0") == "db-0\ndb-0\n")  # the volume outlived the pod


def test_daemon_set_runs_one_pod_on_the_node(kube: Kube) -> None:
    spec = {"selector": {"matchLabels": {"app": "agent"}}, "template": _template(kube, "agent", ["sleep", "1000"])}
    kube.create("daemonsets", {"metadata": {"name": "agent"}, "spec": spec})
    kube.wait(lambda: (kube.get("daemonsets", "agent") or {}).get("status", {}).get("numberAvailable") == 1)
    assert [pod["spec"]["nodeName"] for pod in kube.list("pods")] == ["north-node-1"]


def test_budget_and_autoscaler_tell_their_state(kube: Kube) -> None:
    kube.apply("deployments", kube.deployment("web", "v1", replicas=1))
    kube.create("poddisruptionbudgets", {"metadata": {"name": "web"}, "spec": {
        "minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}})  # fmt: skip
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    kube.create("horizontalpodautoscalers", {"metadata": {"name": "web"}, "spec": {
        "scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 3}})  # fmt: skip
    kube.wait(lambda: kube.rolled_out("web") and len(kube.list("pods")) == 2)
    kube.wait(lambda: (kube.get("poddisruptionbudgets", "web") or {})["status"].get("disruptionsAllowed") == 1)
    assert (
        "SuccessfulRescale",
        "New size: 2; reason: Current number of replicas below Spec.MinReplicas",
    ) in kube.events("web")


def test_namespace_deletion_ends_its_pods(kube: Kube) -> None:
    kube.pod("here")
    kube.wait(lambda: kube.status("here").get("phase") == "Running")
    path = f"/api/v1/namespaces/{kube.namespace}"
    assert kube.client.call("DELETE", path).body["status"]["phase"] == "Terminating"
    kube.wait(lambda: kube.client.get(path).status == 404)


def test_cron_job_makes_a_job_when_it_is_due(kube: Kube) -> None:
    spec = {"schedule": "* * * * *", "suspend": True, "jobTemplate": {
        "spec": {"template": _template(kube, "tick", ["true"], restartPolicy="Never")}}}  # fmt: skip
    created = kube.create("cronjobs", {"metadata": {"name": "tick"}, "spec": spec})
    past = dt.datetime.fromisoformat(created["metadata"]["creationTimestamp"]) - dt.timedelta(minutes=2)
    status = {"status": {"lastScheduleTime": past.strftime("%Y-%m-%dT%H:%M:%SZ")}}
    path = kube.path("cronjobs", "tick")
    assert kube.client.merge(f"{path}/status", status).status == 200
    kube.merge("cronjobs", "tick", {"spec": {"suspend": False}})
    job = kube.wait(lambda: kube.list("jobs"))[0]
    assert job["metadata"]["name"].startswith("tick-")
    assert "batch.kubernetes.io/cronjob-scheduled-timestamp" in job["metadata"]["annotations"]
    kube.wait(lambda: (kube.get("cronjobs", "tick") or {})["status"].get("lastSuccessfulTime"))


@pytest.mark.parametrize("text", ["", "* * * *", "60 * * * *", "*/0 * * * *", "a * * * *", "5-1 * * * *", "* * 0 * *"])
def test_wrong_schedules_are_refused(text: str) -> None:
    with pytest.raises(InvalidScheduleError):
        Schedule.parse(text)


def test_schedule_reads_names_steps_and_both_days() -> None:
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)  # a Thursday
    assert Schedule.parse("30 4 * * mon-fri").after(start) == start.replace(hour=4, minute=30)
    assert Schedule.parse("0 0 13 * fri").after(start) == start.replace(day=2)  # either day counts
    assert Schedule.parse("*/20 * * jan *").after(start) == start.replace(minute=20)
    assert Schedule.parse("@monthly").after(start) == start.replace(month=2)
    with pytest.raises(InvalidScheduleError):
        Schedule.parse("0 0 30 2 *").after(start)


@given(
    st.integers(0, 59),
    st.integers(0, 23),
    st.datetimes(timezones=st.just(dt.UTC)).filter(lambda moment: moment.year < 9999),
)
def test_daily_schedule_comes_within_a_day_and_at_its_time(minute: int, hour: int, moment: dt.datetime) -> None:
    following = Schedule.parse(f"{minute} {hour} * * *").after(moment)
    assert moment < following <= moment + dt.timedelta(days=1)
    assert (following.hour, following.minute) == (hour, minute)
