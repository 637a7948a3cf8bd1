"""Every pod state that was recorded has an exact cause here; a new recording without one fails."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.integrations.kubernetes.causes import Cause, Severity, dominant
from apps.integrations.kubernetes.diagnosis import diagnose_pod
from apps.integrations.kubernetes.diagnosis_words import HINTS, SENTENCES, hint, sentence
from apps.integrations.kubernetes.refusals import diagnose_workload

from .recordings import body, exchanges

SCENARIO = "05-pod-states"
ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO


def exits(container: str, code: int, restarts: int, message: str = "", signal: str = "") -> dict[str, Any]:
    return {"container": container, "exit_code": code, "signal": signal, "restarts": restarts, "message": message}


MISSING_IMAGE = Cause(
    "pod.image_missing",
    ERROR,
    {
        "container": "app",
        "image": "127.0.0.1:5000/demo/missing:v9",
        "answer": "127.0.0.1:5000/demo/missing:v9: not found",
    },
)
MISSING_SECRET = Cause("pod.mount_missing", ERROR, {"volume": "s", "kind": "Secret", "name": "nosuchsecret"})
NOT_FOUND_PROBE = "HTTP probe failed with statuscode: 404"

EXPECTED: dict[tuple[int, str], list[Cause]] = {
    (4, "running"): [],
    (6, "crash"): [Cause("pod.crash_loop", ERROR, exits("app", 3, 1))],
    (8, "oom"): [Cause("pod.oom_killed", ERROR, {"container": "app", "limit": "32Mi", "restarts": 1})],
    (10, "initfail"): [Cause("pod.init_failed", ERROR, exits("setup", 4, 2))],
    (12, "done"): [Cause("pod.completed", INFO)],
    (14, "failed"): [Cause("pod.failed", ERROR, exits("web", 7, 0, "the reason"))],
    (16, "deadline"): [Cause("pod.deadline_exceeded", ERROR, {"seconds": 3})],
    (18, "toobig"): [
        Cause(
            "pod.unschedulable",
            ERROR,
            {
                "message": "0/1 nodes are available: 1 Insufficient cpu",
                "short_of": ["cpu"],
                "nodes": 1,
                "reasons": [{"check": "short", "nodes": 1, "what": "cpu"}],
            },
        )
    ],
    (20, "nonode"): [
        Cause(
            "pod.unschedulable",
            ERROR,
            {
                "message": "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector",
                "short_of": [],
                "nodes": 1,
                "reasons": [{"check": "selector", "nodes": 1, "what": ""}],
            },
        )
    ],
    (22, "notready"): [
        Cause("pod.readiness_failing", WARNING, {"container": "web", "message": NOT_FOUND_PROBE, "times": 25})
    ],
    (24, "slowstart"): [
        Cause(
            "pod.not_answering_yet",
            INFO,
            {"container": "web", "message": NOT_FOUND_PROBE, "times": 7, "probe": "startup"},
        )
    ],
    (26, "initrun"): [Cause("pod.init_running", INFO, {"container": "second"})],
    (28, "sidecar"): [],
    (30, "noimage"): [MISSING_IMAGE],
    (32, "noimage"): [MISSING_IMAGE],
    (34, "noimage-auth"): [
        Cause(
            "pod.image_denied",
            ERROR,
            {
                "container": "app",
                "image": "127.0.0.1:5000/private/app:v1",
                "answer": "pull access denied, repository does not exist or may require authorization: "
                "authorization failed: no basic auth credentials",
            },
        )
    ],
    (36, "noimage-never"): [Cause("pod.image_never_pulled", ERROR, {"container": "app", "image": "demo/nothere:v1"})],
    (38, "badimage"): [Cause("pod.image_name_invalid", ERROR, {"container": "app", "image": "Not A Valid:image:name"})],
    (40, "noregistry"): [
        Cause(
            "pod.image_unreachable",
            ERROR,
            {
                "container": "app",
                "image": "127.0.0.1:5999/demo/app:v1",
                "answer": 'failed to do request: Head "https://127.0.0.1:5999/v2/demo/app/manifests/v1": '
                "dial tcp 127.0.0.1:5999: connect: connection refused",
            },
        )
    ],
    (42, "noconfig"): [
        Cause(
            "pod.config_key_missing",
            ERROR,
            {"container": "web", "key": "nosuchkey", "kind": "ConfigMap", "name": "cfg"},
        )
    ],
    (44, "noconfigmap"): [
        Cause("pod.config_missing", ERROR, {"container": "web", "kind": "ConfigMap", "name": "nosuchmap"})
    ],
    (46, "nosecretvol"): [MISSING_SECRET],
    (48, "nonroot"): [Cause("pod.runs_as_root", ERROR, {"container": "web"})],
    (50, "nocommand"): [
        Cause(
            "pod.start_failed",
            ERROR,
            exits("web", 128, 3, 'exec: "/nosuch/binary": stat /nosuch/binary: no such file or directory'),
        )
    ],
    (52, "unlively"): [
        Cause("pod.liveness_failing", ERROR, {"container": "web", "message": NOT_FOUND_PROBE, "restarts": 3})
    ],
    (54, "crash"): [Cause("pod.crash_loop", ERROR, exits("app", 3, 3))],
    (56, "mixed"): [Cause("pod.crash_loop", ERROR, exits("side", 3, 3))],
    (59, "stubborn"): [Cause("pod.terminating", INFO, {"until": "2026-11-22T23:11:35Z"})],
    (66, "held"): [Cause("pod.terminating", INFO, {"until": "2026-11-22T23:10:53Z"})],
    (73, "running"): [],
    (75, "nosecretvol"): [MISSING_SECRET],
}


def recorded_pods() -> list[tuple[int, str]]:
    found = []
    for number, exchange in exchanges(SCENARIO).items():
        answer = exchange["response"].get("body") or {}
        if exchange["request"]["method"] == "GET" and answer.get("kind") == "Pod":
            found.append((number, answer["metadata"]["name"]))
    return found


def events_after(number: int) -> list[dict[str, Any]]:
    answer = exchanges(SCENARIO).get(number + 1, {}).get("response", {}).get("body") or {}
    return answer["items"] if answer.get("kind") == "EventList" else []


@pytest.mark.parametrize("pod", recorded_pods(), ids=lambda pod: f"{pod[0]}-{pod[1]}")
def test_a_recorded_state_has_its_cause(pod: tuple[int, str]) -> None:
    number, name = pod
    assert pod in EXPECTED, f"say what is wrong with {name} in exchange {number}"
    found = diagnose_pod(body(SCENARIO, number), events_after(number))
    assert found == EXPECTED[pod]
    assert [dict(cause.params) for cause in found] == [dict(cause.params) for cause in EXPECTED[pod]]


def test_all_faces_of_one_crash_loop_name_the_crash() -> None:
    watched = exchanges(SCENARIO)[2]["response"]["stream"]
    seen = set()
    for row in watched:
        pod = row["event"]["object"]
        statuses = pod.get("status", {}).get("containerStatuses") or []
        if not statuses or not statuses[0]["restartCount"] or pod["metadata"].get("deletionTimestamp"):
            continue
        cause = dominant(diagnose_pod(pod))
        assert cause is not None
        assert cause.params["exit_code"] == 3
        seen.add((next(iter(statuses[0]["state"])), cause.code))
    assert seen == {
        ("waiting", "pod.crash_loop"),
        ("terminated", "pod.crash_loop"),
        ("running", "pod.restarted"),
    }


@pytest.mark.parametrize(("after", "code"), [(10, "pod.terminating"), (60, "pod.stuck_terminating")])
def test_a_deletion_hangs_only_when_its_grace_is_long_over(after: int, code: str) -> None:
    due = datetime(2026, 11, 22, 23, 10, 53, tzinfo=UTC)
    [cause] = diagnose_pod(body(SCENARIO, 66), now=due + timedelta(seconds=after))
    assert cause.code == code
    if code == "pod.stuck_terminating":
        assert cause.params["finalizers"] == ["slipway.example/hold"]


def test_an_old_probe_failure_is_not_told_of_the_present_run() -> None:
    pod = body(SCENARIO, 22)
    events = [dict(event) for event in events_after(22)]
    for event in events:
        event |= {"lastTimestamp": "2020-01-01T00:00:00Z", "firstTimestamp": "2020-01-01T00:00:00Z"}
    assert [cause.code for cause in diagnose_pod(pod, events)] == ["pod.not_ready_yet"]


def test_the_registry_answer_is_found_in_the_events_where_the_status_lost_it() -> None:
    pod = exchanges(SCENARIO)[32]["response"]["body"]
    status = pod["status"]["containerStatuses"][0]
    image = status["image"]
    silent = {"waiting": {"reason": "ImagePullBackOff", "message": f'Back-off pulling image "{image}"'}}
    pod = {**pod, "status": {**pod["status"], "containerStatuses": [{**status, "state": silent}]}}
    assert diagnose_pod(pod, events_after(32)) == [MISSING_IMAGE]


def test_a_waiting_reason_nobody_knows_is_passed_on() -> None:
    pod = body(SCENARIO, 30)
    status = {**pod["status"]["containerStatuses"][0], "state": {"waiting": {"reason": "Brandnew", "message": "why"}}}
    pod = {**pod, "status": {**pod["status"], "containerStatuses": [status]}}
    assert diagnose_pod(pod) == [
        Cause("pod.waiting", WARNING, {"container": "app", "reason": "Brandnew", "message": "why"})
    ]


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ({"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."}, "pod.evicted"),
        ({"phase": "Failed", "reason": "NodeLost", "message": "gone"}, "pod.node_lost"),
        (
            {
                "phase": "Running",
                "conditions": [
                    {"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager", "message": "m"}
                ],
            },
            "pod.node_lost",
        ),
    ],
)
def test_a_pod_that_lost_its_node_says_so(status: dict[str, Any], code: str) -> None:
    [cause] = diagnose_pod({"metadata": {"name": "p"}, "spec": {"nodeName": "n7"}, "status": status})
    assert (cause.code, cause.params["node"]) == (code, "n7")


def test_a_silent_node_is_told_by_its_event_and_a_condition_without_reason() -> None:
    pod = {
        "metadata": {"name": "p"},
        "spec": {"nodeName": "n7"},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "False"}], "containerStatuses": []},
    }
    event = {"reason": "NodeNotReady", "lastTimestamp": "2026-01-01T00:00:00Z", "message": "Node is not ready"}
    assert [cause.code for cause in diagnose_pod(pod, [event])] == ["pod.node_lost"]


def test_a_refused_pod_is_told_by_the_quota_from_condition_or_event() -> None:
    replicasets = body("11-quota-and-limits", 14)["items"]
    deployment = body("11-quota-and-limits", 13)
    quota = {"quota": "team", "requested": "pods=1", "used": "pods=3", "limited": "pods=3"}
    [cause] = diagnose_workload(deployment, replicasets[0])
    assert (cause.code, dict(cause.params)) == ("workload.quota_exceeded", quota)
    # Before the condition is there, the event is.
    bare = {**replicasets[0], "status": {"replicas": 3}}
    events = [
        {
            "reason": "FailedCreate",
            "involvedObject": {"uid": bare["metadata"]["uid"]},
            "message": 'Error creating: pods "web-x" is forbidden: exceeded quota: team, requested: pods=1, '
            "used: pods=3, limited: pods=3",
        }
    ]
    [cause] = diagnose_workload(None, bare, events)
    assert (cause.code, dict(cause.params)) == ("workload.quota_exceeded", quota)
    assert diagnose_workload(None, {**bare, "spec": {"replicas": 3}}, events) == []


def test_the_dominant_cause_is_the_most_severe_then_the_most_telling() -> None:
    crash, probe = Cause("pod.crash_loop", ERROR), Cause("pod.readiness_failing", WARNING)
    quota, starting = Cause("workload.quota_exceeded", ERROR), Cause("pod.starting", INFO)
    assert dominant([starting, probe, crash, quota]) == quota
    assert dominant([starting, probe]) == probe
    assert dominant([]) is None


SAYS: dict[tuple[int, str], str] = {
    (4, "running"): "",
    (6, "crash"): "Container app crashes: exit code 3, restarts: 1.",
    (8, "oom"): "Container app used more memory than its limit (32Mi) and was killed.",
    (10, "initfail"): "Init container setup fails with exit code 4.",
    (12, "done"): "The pod has finished.",
    (14, "failed"): "Container web failed with exit code 7.",
    (16, "deadline"): "The pod ran longer than the 3 seconds it may.",
    (18, "toobig"): "No node can take the pod: 1 of 1: too little free cpu",
    (20, "nonode"): "No node can take the pod: 1 of 1: does not match its node selector or affinity",
    (22, "notready"): "Container web runs, but its readiness probe fails: HTTP probe failed with statuscode: 404",
    (24, "slowstart"): "Container web is starting and does not answer its probe yet: "
    "HTTP probe failed with statuscode: 404",
    (26, "initrun"): "Init container second is still running.",
    (28, "sidecar"): "",
    (30, "noimage"): "The registry has no image 127.0.0.1:5000/demo/missing:v9.",
    (32, "noimage"): "The registry has no image 127.0.0.1:5000/demo/missing:v9.",
    (
        34,
        "noimage-auth",
    ): "The registry does not let the cluster pull 127.0.0.1:5000/private/app:v1: pull access denied, "
    "repository does not exist or may require authorization: authorization failed: no basic auth credentials",
    (
        36,
        "noimage-never",
    ): "The image demo/nothere:v1 is not on the node and may not be pulled (imagePullPolicy: Never).",
    (38, "badimage"): "Not A Valid:image:name is not a valid image name.",
    (40, "noregistry"): "The registry of 127.0.0.1:5999/demo/app:v1 cannot be reached: failed to do request: "
    'Head "https://127.0.0.1:5999/v2/demo/app/manifests/v1": dial tcp 127.0.0.1:5999: connect: connection refused',
    (42, "noconfig"): "The ConfigMap cfg has no key nosuchkey, which container web needs.",
    (44, "noconfigmap"): "The ConfigMap nosuchmap that container web needs does not exist.",
    (46, "nosecretvol"): "The Secret nosuchsecret for the volume s does not exist.",
    (48, "nonroot"): "Container web may not run as root, and its image does.",
    (50, "nocommand"): 'Container web cannot be started: exec: "/nosuch/binary": stat /nosuch/binary: '
    "no such file or directory",
    (52, "unlively"): "The liveness probe of container web fails: HTTP probe failed with statuscode: 404",
    (54, "crash"): "Container app crashes: exit code 3, restarts: 3.",
    (56, "mixed"): "Container side crashes: exit code 3, restarts: 3.",
    (59, "stubborn"): "The pod is being stopped.",
    (66, "held"): "The pod is being stopped.",
    (73, "running"): "",
    (75, "nosecretvol"): "The Secret nosuchsecret for the volume s does not exist.",
}
# What is said where nothing better is known: no state that was recorded may end there.
FALLBACKS = {"pod.waiting", "pod.starting", "pod.image_failed", "pod.config_wrong", "pod.mount_failed"}


@pytest.mark.parametrize("pod", recorded_pods(), ids=lambda pod: f"{pod[0]}-{pod[1]}")
def test_a_recorded_state_has_its_sentence(pod: tuple[int, str]) -> None:
    cause = dominant(diagnose_pod(body(SCENARIO, pod[0]), events_after(pod[0])))
    assert (sentence(cause.code, cause.params) if cause else "") == SAYS[pod]
    assert cause is None or cause.code not in FALLBACKS


def test_every_cause_has_words_that_its_parameters_fill() -> None:
    for causes in EXPECTED.values():
        for cause in causes:
            assert cause.code in SENTENCES
            assert "?" not in sentence(cause.code, cause.params)
    assert set(HINTS) <= set(SENTENCES)
    assert sentence("pod.from_the_future", {}) == "pod.from_the_future"
    assert hint("pod.oom_killed")
    assert hint("pod.starting") == ""


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 300) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=3,
)
terminated = st.fixed_dictionaries(
    {"exitCode": st.integers(-1, 300)},
    optional={
        "reason": st.sampled_from(["Error", "OOMKilled", "Completed", "StartError"]),
        "message": st.text(max_size=20),
        "startedAt": st.none() | st.just("2026-01-01T00:00:00Z"),
    },
)
states = st.one_of(
    st.fixed_dictionaries({"terminated": terminated}),
    st.fixed_dictionaries(
        {
            "waiting": st.fixed_dictionaries(
                {},
                optional={
                    "reason": st.sampled_from(["CrashLoopBackOff", "ErrImagePull", "X", "PodInitializing"])
                    | st.text(max_size=5),
                    "message": st.text(max_size=20),
                },
            )
        }
    ),
    st.just({"running": {"startedAt": "2026-01-01T00:00:00Z"}}),
    st.just({}),
)
container_statuses = st.fixed_dictionaries(
    {"name": st.sampled_from(["a", "b"]), "state": states},
    optional={
        "lastState": st.one_of(st.just({}), st.fixed_dictionaries({"terminated": terminated})),
        "restartCount": st.integers(0, 9),
        "ready": st.booleans(),
        "started": st.none() | st.booleans(),
    },
)


@given(
    phase=st.sampled_from(["Pending", "Running", "Failed", "Succeeded", "Unknown", None]),
    containers=st.none() | st.lists(container_statuses, max_size=2),
    inits=st.none() | st.lists(container_statuses, max_size=2),
    policy=st.sampled_from(["Always", "Never", "OnFailure"]),
)
def test_whatever_a_status_holds_there_is_an_answer_that_can_be_stored(
    phase: str | None, containers: Any, inits: Any, policy: str
) -> None:
    pod = {
        "metadata": {"name": "p"},
        "spec": {"restartPolicy": policy},
        "status": {"phase": phase, "containerStatuses": containers, "initContainerStatuses": inits},
    }
    for cause in diagnose_pod(pod, now=datetime.now(UTC)):
        stored = cause.as_dict()
        assert cause.code in SENTENCES
        assert isinstance(sentence(stored["code"], stored["params"]), str)
