"""Rollouts as a real server reported them, judged at each moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.integrations.kubernetes.causes import Severity
from apps.integrations.kubernetes.diagnosis_words import sentence
from apps.integrations.kubernetes.rollout import AbortRules, Assessment, State, assess, current_replicaset

from .recordings import body, exchanges, streamed

SCENARIO = "04-rollout"
NOW = datetime(2026, 11, 22, 23, 0, tzinfo=UTC)
LATER = NOW + timedelta(minutes=10)


def judge(
    deployment: dict[str, Any] | None,
    replicasets: list[dict[str, Any]] = [],  # noqa: B006
    pods: list[dict[str, Any]] = [],  # noqa: B006
    events: list[dict[str, Any]] = [],  # noqa: B006
    **given: Any,
) -> Assessment:
    return assess(deployment, replicasets, pods, events, **({"deadline": LATER, "now": NOW} | given))


def replicaset_of(deployment: dict[str, Any], revision: str, replicas: int) -> dict[str, Any]:
    metadata = deployment["metadata"]
    return {
        "metadata": {
            "name": f"{metadata['name']}-{revision}",
            "uid": f"rs-{revision}",
            "annotations": {"deployment.kubernetes.io/revision": revision},
            "ownerReferences": [{"uid": metadata["uid"], "kind": "Deployment"}],
        },
        "spec": {"replicas": replicas, "template": deployment["spec"]["template"]},
        "status": {"replicas": replicas},
    }


def pod_of(replicaset: dict[str, Any], status: dict[str, Any], created: datetime = NOW) -> dict[str, Any]:
    return {
        "metadata": {
            "name": "new",
            "uid": "pod-1",
            "creationTimestamp": created.isoformat(),
            "ownerReferences": [{"uid": replicaset["metadata"]["uid"], "kind": "ReplicaSet"}],
        },
        "spec": {"containers": [{"name": "web", "image": "demo/web:v3"}]},
        "status": status,
    }


def waiting(reason: str, restarts: int = 0, exit_code: int = 0, message: str = "") -> dict[str, Any]:
    last = {"terminated": {"exitCode": exit_code, "reason": "Error"}} if restarts else {}
    state = {"waiting": {"reason": reason, "message": message}}
    container = {"name": "web", "state": state, "lastState": last, "restartCount": restarts, "ready": False}
    return {"phase": "Running", "containerStatuses": [container]}


def rolling() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return a Deployment in the middle of a rollout and its new ReplicaSet."""
    deployment = next(
        event["object"]
        for event in streamed(SCENARIO, 7)
        if event["object"]["status"].get("observedGeneration") == event["object"]["metadata"]["generation"]
    )
    revision = deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"]
    return deployment, replicaset_of(deployment, revision, 1)


def test_a_finished_rollout_is_complete() -> None:
    assert judge(body(SCENARIO, 12)) == Assessment(State.COMPLETE, 3, 3, updated=3)


def test_the_answer_to_an_apply_is_not_taken_for_the_new_state() -> None:
    """All counters still look finished: they are the old version's."""
    answer = body(SCENARIO, 11)
    assert answer["status"]["availableReplicas"] == answer["spec"]["replicas"]
    verdict = judge(answer)
    assert verdict.state is State.PROGRESSING
    assert verdict.cause is not None
    assert verdict.cause.code == "rollout.not_seen_yet"


def test_a_recorded_rollout_progresses_at_every_moment_and_is_complete_only_at_the_end() -> None:
    events = streamed(SCENARIO, 7)
    states = [judge(event["object"]).state for event in events]
    assert set(states) <= {State.PROGRESSING, State.COMPLETE}
    first = states.index(State.COMPLETE)
    assert first > len(states) // 2
    assert set(states[first:]) == {State.COMPLETE}


def test_the_server_gives_up_and_the_pods_say_why() -> None:
    """`Available=True` all the while: the old pods serve, the new image does not exist."""
    deployment = body(SCENARIO, 25)
    pods = body(SCENARIO, 26)["items"]
    owners = {each["metadata"]["ownerReferences"][0]["uid"] for each in pods}
    broken = next(each for each in pods if not each["status"]["containerStatuses"][0]["ready"])
    replicaset = replicaset_of(
        deployment, deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"], 1
    )
    replicaset["metadata"]["uid"] = broken["metadata"]["ownerReferences"][0]["uid"]
    assert len(owners) == 2
    verdict = judge(deployment, [replicaset], pods)
    assert verdict.state is State.FAILED
    assert verdict.cause is not None
    assert verdict.cause.code == "pod.image_missing"
    assert verdict.cause.params["image"] == broken["spec"]["containers"][0]["image"]


def test_without_a_better_cause_the_deadline_is_the_cause() -> None:
    verdict = judge(body(SCENARIO, 37))
    assert verdict.state is State.FAILED
    assert verdict.cause is not None
    assert verdict.cause.code == "rollout.deadline_exceeded"


def test_a_quota_that_refuses_pods_is_named_and_fails_at_the_deadline() -> None:
    scenario = "11-quota-and-limits"
    waiting_for_quota = judge(body(scenario, 13), body(scenario, 14)["items"])
    assert waiting_for_quota.state is State.PROGRESSING
    given_up = judge(body(scenario, 18), body(scenario, 14)["items"])
    assert given_up.state is State.FAILED
    for verdict in (waiting_for_quota, given_up):
        assert verdict.cause is not None
        assert verdict.cause.code == "workload.quota_exceeded"
        assert (verdict.ready, verdict.wanted) == (3, 5)


def test_a_pause_in_the_cluster_is_told() -> None:
    verdict = judge(body(SCENARIO, 46))
    assert verdict.state is State.PROGRESSING
    assert verdict.cause is not None
    assert verdict.cause.code == "rollout.paused"


def test_nothing_wanted_is_complete_when_nothing_is_left() -> None:
    assert judge(body(SCENARIO, 66)) == Assessment(State.COMPLETE, 0, 0)


def test_a_crash_loop_ends_the_wait_after_some_restarts() -> None:
    deployment, replicaset = rolling()
    for restarts, state in ((2, State.PROGRESSING), (3, State.FAILED)):
        pods = [pod_of(replicaset, waiting("CrashLoopBackOff", restarts, exit_code=3))]
        verdict = judge(deployment, [replicaset], pods)
        assert verdict.state is state
        assert verdict.cause is not None
        assert (verdict.cause.code, verdict.cause.params["exit_code"]) == ("pod.crash_loop", 3)


def test_restarts_of_pods_older_than_a_roll_back_do_not_fail_it() -> None:
    deployment, replicaset = rolling()
    began = NOW - timedelta(minutes=1)
    for ended, state in ((NOW - timedelta(days=1), State.PROGRESSING), (NOW, State.FAILED)):
        status = waiting("CrashLoopBackOff", 9, exit_code=1)
        status["containerStatuses"][0]["lastState"]["terminated"]["finishedAt"] = ended.isoformat()
        old = pod_of(replicaset, status, created=NOW - timedelta(days=9))
        assert judge(deployment, [replicaset], [old], since=began).state is state


def test_pods_of_an_older_version_do_not_count() -> None:
    deployment, replicaset = rolling()
    old = replicaset_of(deployment, "1", 3)
    old["metadata"]["uid"] = "old"
    old["spec"]["template"] = {"spec": {"containers": [{"name": "web", "image": "demo/web:v0"}]}}
    crashing = pod_of(old, waiting("CrashLoopBackOff", 9, exit_code=1))
    verdict = judge(deployment, [old, replicaset], [crashing])
    assert verdict.state is State.PROGRESSING
    assert verdict.causes == ()


def test_a_missing_image_gets_its_time_and_a_wrong_name_does_not() -> None:
    deployment, replicaset = rolling()
    pulling = waiting("ErrImagePull", message="not found")
    for age, state in ((5, State.PROGRESSING), (60, State.FAILED)):
        pods = [pod_of(replicaset, pulling, created=NOW - timedelta(seconds=age))]
        assert judge(deployment, [replicaset], pods, rules=AbortRules(image_seconds=30)).state is state
    assert judge(deployment, [replicaset], [pod_of(replicaset, waiting("InvalidImageName"))]).state is State.FAILED


def test_our_own_deadline_fails_it_with_the_cause_of_the_moment() -> None:
    deployment, replicaset = rolling()
    over = {"deadline": NOW, "now": NOW}
    silent = judge(deployment, [replicaset], **over)
    assert (silent.state, silent.cause and silent.cause.code) == (State.FAILED, "rollout.deadline_exceeded")
    unready = pod_of(replicaset, waiting("CreateContainerConfigError", message='secret "db" not found'))
    named = judge(deployment, [replicaset], [unready], **over)
    assert named.cause is not None
    assert (named.state, named.cause.code) == (State.FAILED, "pod.config_missing")
    assert named.cause.severity is Severity.ERROR


def test_a_deployment_that_is_gone_has_failed() -> None:
    verdict = judge(None)
    assert verdict.state is State.FAILED
    assert verdict.cause is not None
    assert verdict.cause.code == "rollout.gone"


def test_a_roll_back_uses_the_old_replicaset_under_its_new_number() -> None:
    replicasets = body(SCENARIO, 19)["items"]
    deployment = next(
        event["object"] for event in reversed(streamed(SCENARIO, 7)) if event["object"]["metadata"]["name"] == "web"
    )
    rolled_back = {**deployment, "spec": body(SCENARIO, 18)["spec"]}
    current = current_replicaset(rolled_back, replicasets)
    assert current is not None
    assert current["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"] == "1"


def finished(**container: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return a Deployment that counts as complete, its ReplicaSet and its pod, whose container is as given."""
    deployment = body(SCENARIO, 12)
    replicaset = replicaset_of(deployment, "2", 3)
    replicaset["status"]["availableReplicas"] = 3
    running = {"name": "web", "ready": True, "restartCount": 0, "lastState": {}} | container
    return deployment, replicaset, pod_of(replicaset, {"phase": "Running", "containerStatuses": [running]})


def started(seconds: float) -> dict[str, Any]:
    return {"running": {"startedAt": (NOW - timedelta(seconds=seconds)).isoformat()}}


def test_a_pod_that_nothing_probes_is_believed_only_after_a_moment() -> None:
    began = NOW - timedelta(minutes=1)
    for seconds, state in ((1, State.PROGRESSING), (6, State.COMPLETE)):
        deployment, replicaset, pod = finished(state=started(seconds))
        verdict = judge(deployment, [replicaset], [pod], since=began)
        assert verdict.state is state
        assert state is State.COMPLETE or (verdict.cause and verdict.cause.code == "rollout.proving")
    deployment, replicaset, pod = finished(state=started(1))
    probed = {**pod, "spec": {"containers": [{"name": "web", "image": "i", "readinessProbe": {"tcpSocket": {}}}]}}
    assert judge(deployment, [replicaset], [probed], since=began).state is State.COMPLETE
    old = pod_of(replicaset, pod["status"], created=NOW - timedelta(days=1))
    assert judge(deployment, [replicaset], [old], since=began).state is State.COMPLETE


def test_a_crash_loop_is_not_taken_for_success_in_the_moment_in_which_it_runs() -> None:
    last = {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": NOW.isoformat()}}
    began = NOW - timedelta(minutes=1)
    for restarts, state in ((1, State.PROGRESSING), (3, State.FAILED)):
        deployment, replicaset, pod = finished(state=started(6), lastState=last, restartCount=restarts)
        verdict = judge(deployment, [replicaset], [pod], since=began)
        assert verdict.state is state
        assert verdict.cause is not None
        assert verdict.cause.code == ("pod.restarted" if restarts == 1 else "pod.crash_loop")
    deployment, replicaset, pod = finished(state=started(20), lastState=last, restartCount=1)
    assert judge(deployment, [replicaset], [pod], since=began).state is State.COMPLETE


def test_the_servers_verdict_on_another_rollout_is_not_believed() -> None:
    deployment = body(SCENARIO, 25)
    gave_up = next(each for each in deployment["status"]["conditions"] if each["type"] == "Progressing")
    at = datetime.fromisoformat(gave_up["lastUpdateTime"])
    late = {"now": at, "deadline": at + timedelta(minutes=5)}
    assert judge(deployment, since=at - timedelta(seconds=20), **late).state is State.FAILED
    assert judge(deployment, since=at + timedelta(seconds=20), **late).state is State.PROGRESSING
    other = replicaset_of(deployment, "9", 3)
    verdict = judge(deployment, [other], since=at - timedelta(seconds=20), **late)
    assert verdict.state is State.PROGRESSING, "it speaks of another ReplicaSet"


def test_a_deployment_that_somebody_deletes_has_failed() -> None:
    deployment, replicaset = rolling()
    leaving = {**deployment, "metadata": {**deployment["metadata"], "deletionTimestamp": NOW.isoformat()}}
    verdict = judge(leaving, [replicaset])
    assert (verdict.state, verdict.cause and verdict.cause.code) == (State.FAILED, "rollout.being_deleted")


def test_pods_that_ended_do_not_speak_for_those_that_took_their_place() -> None:
    deployment, replicaset = rolling()
    evicted = pod_of(replicaset, {"phase": "Failed", "reason": "Evicted", "message": "disk"})
    fresh = pod_of(replicaset, {"phase": "Pending"})
    alone, replaced = judge(deployment, [replicaset], [evicted]), judge(deployment, [replicaset], [evicted, fresh])
    assert alone.cause is not None
    assert alone.cause.code == "pod.evicted"
    assert replaced.cause is not None
    assert replaced.cause.severity is Severity.INFO


@pytest.mark.parametrize(
    ("group", "reason", "message", "code"),
    [
        ("image", "ErrImagePull", "not found", "pod.image_missing"),
        ("configuration", "CreateContainerConfigError", 'secret "db" not found', "pod.config_missing"),
    ],
)
def test_an_application_may_give_up_at_once_or_have_patience(group: str, reason: str, message: str, code: str) -> None:
    deployment, replicaset = rolling()
    pod = pod_of(replicaset, waiting(reason, message=message))
    patient = AbortRules(image_seconds=30, configuration_seconds=60, at_once=frozenset())
    assert judge(deployment, [replicaset], [pod], rules=patient, since=NOW).state is State.PROGRESSING
    later = judge(deployment, [replicaset], [pod], rules=patient, since=NOW, now=NOW + timedelta(seconds=61))
    at_once = judge(deployment, [replicaset], [pod], rules=AbortRules(at_once=frozenset({group})), since=NOW)
    for verdict in (later, at_once):
        assert verdict.cause is not None
        assert (verdict.state, verdict.cause.code) == (State.FAILED, code)


def test_a_policy_that_refuses_the_pods_ends_it_at_once() -> None:
    deployment, replicaset = rolling()
    failure = {"type": "ReplicaFailure", "status": "True", "message": 'violates PodSecurity "baseline": host'}
    refused = {**replicaset, "status": {"replicas": 0, "conditions": [failure]}}
    verdict = judge(deployment, [refused])
    assert verdict.cause is not None
    assert (verdict.state, verdict.cause.code) == (State.FAILED, "workload.pod_security")


def test_recreate_waits_for_the_old_pods_and_names_one_that_hangs() -> None:
    deployment = next(each for each in map(recreate, streamed_rows(68)) if not each["status"].get("updatedReplicas"))
    old = replicaset_of(deployment, "1", 0)
    old["spec"]["template"] = {"spec": {"containers": [{"name": "web", "image": "demo/web:v0"}]}}
    leaving = pod_of(old, {"phase": "Running"})
    leaving["metadata"]["deletionTimestamp"] = NOW.isoformat()
    for later, code in ((0, "rollout.old_pods_first"), (300, "pod.stuck_terminating")):
        verdict = judge(deployment, [old], [leaving], now=NOW + timedelta(seconds=later))
        assert verdict.cause is not None
        assert (verdict.state, verdict.cause.code) == (State.PROGRESSING, code)


def streamed_rows(number: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = exchanges(SCENARIO)[number]["summary"]["rows"]
    return [row for row in rows if row["generation"] == row["observedGeneration"] == 3]


def recreate(row: dict[str, Any]) -> dict[str, Any]:
    counters = {name: row[name] for name in ("observedGeneration", "replicas", "updatedReplicas") if row[name]}
    return {
        "metadata": {"name": "rec", "uid": "rec", "generation": 3, "creationTimestamp": NOW.isoformat()},
        "spec": {"replicas": 2, "strategy": {"type": "Recreate"}, "template": {"spec": {"containers": []}}},
        "status": counters | {"terminatingReplicas": row["terminatingReplicas"]},
    }


def test_pods_that_are_ready_but_not_for_long_enough_are_told() -> None:
    deployment, replicaset = rolling()
    replicaset["status"] |= {"readyReplicas": 2, "availableReplicas": 1}
    verdict = judge(deployment, [replicaset])
    assert verdict.cause is not None
    assert verdict.cause.code == "rollout.settling"
    assert verdict.cause.params["seconds"] == deployment["spec"]["minReadySeconds"]


def test_the_deadline_says_what_it_waited_for() -> None:
    deployment, replicaset = rolling()
    over = {"deadline": NOW, "now": NOW}
    pod = pod_of(
        replicaset, {"phase": "Pending", "containerStatuses": [waiting("PodInitializing")["containerStatuses"][0]]}
    )
    pulling = {"reason": "Pulling", "message": 'Pulling image "demo/web:v3"', "involvedObject": {"uid": "pod-1"}}
    verdict = judge(deployment, [replicaset], [pod], [pulling], **over)
    assert verdict.cause is not None
    assert sentence(verdict.cause.code, verdict.cause.params) == (
        "The rollout took longer than it may. The node is pulling the image demo/web:v3."
    )


counters = st.integers(0, 3) | st.none()


@given(
    wanted=st.integers(0, 3), seen=st.booleans(), gave_up=st.booleans(), late=st.booleans(),
    replicas=counters, updated=counters, available=counters,
)  # fmt: skip
def test_success_is_what_the_counters_say_and_nothing_else(
    wanted: int, seen: bool, gave_up: bool, late: bool, replicas: int | None, updated: int | None, available: int | None
) -> None:
    given_counters = {"replicas": replicas, "updatedReplicas": updated, "availableReplicas": available}
    condition = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    deployment = {
        "metadata": {"name": "web", "uid": "u", "generation": 2, "creationTimestamp": NOW.isoformat()},
        "spec": {"replicas": wanted, "template": {}},
        "status": {name: value for name, value in given_counters.items() if value is not None}
        | {"observedGeneration": 2 if seen else 1, "conditions": [condition] if gave_up else []},
    }
    verdict = judge(deployment, now=NOW, deadline=NOW if late else LATER)
    done = seen and (updated or 0) == (replicas or 0) == wanted and (available or 0) >= wanted
    assert (verdict.state is State.COMPLETE) == done
    assert (verdict.state is State.FAILED) == (not done and (late or (gave_up and seen)))
    assert done or verdict.cause is not None
