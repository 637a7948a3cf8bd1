"""Rollouts as a real server reported them, judged at each moment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from apps.integrations.kubernetes.causes import Severity
from apps.integrations.kubernetes.rollout import AbortRules, Assessment, State, assess, current_replicaset

from .recordings import body, streamed

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
        "spec": {"replicas": replicas},
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
    assert judge(body(SCENARIO, 12)) == Assessment(State.COMPLETE, 3, 3)


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
    old = pod_of(replicaset, waiting("CrashLoopBackOff", 9, exit_code=1), created=NOW - timedelta(days=9))
    began = NOW - timedelta(minutes=1)
    assert judge(deployment, [replicaset], [old], since=began).state is State.PROGRESSING
    assert judge(deployment, [replicaset], [old]).state is State.FAILED


def test_pods_of_an_older_version_do_not_count() -> None:
    deployment, replicaset = rolling()
    old = replicaset_of(deployment, "1", 3)
    old["metadata"]["uid"] = "old"
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
    annotations = {"deployment.kubernetes.io/revision": "3"}
    rolled_back = {**deployment, "metadata": {**deployment["metadata"], "annotations": annotations}}
    current = current_replicaset(rolled_back, replicasets)
    assert current is not None
    assert current["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"] == "1"
