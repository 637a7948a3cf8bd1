"""Pods as real processes: what a user meets, in the words of a real node (recordings 05 and 06)."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from deploy.sandbox.isolation import Mode, probe
from tests.sandbox.conftest import Running

from .kube import Kube, pull_secret, push_image

needs_namespaces = pytest.mark.skipif(
    probe().mode is Mode.NONE, reason="needs namespaces: its commands name the image's paths"
)


@needs_namespaces
def test_pod_runs_with_its_environment_and_becomes_ready(kube: Kube) -> None:
    kube.create("configmaps", {"metadata": {"name": "settings"}, "data": {"COLOUR": "green", "file": "content"}})
    kube.create("secrets", {"metadata": {"name": "hidden"}, "stringData": {"TOKEN": "s3cret"}})
    script = 'echo "$GREETING $COLOUR $MY_TOKEN $WHERE $LIMIT"; cat /etc/settings/file; echo; id -u; cat /app/app.py >/dev/null; exec python3 -u app.py'
    kube.pod(
        "env",
        command=["sh", "-c", script],
        envFrom=[{"configMapRef": {"name": "settings"}}],
        env=[
            {"name": "MY_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hidden", "key": "TOKEN"}}},
            {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "WHERE", "value": "at $(POD_IP)"},
            {"name": "LIMIT", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}},
        ],
        resources={"limits": {"memory": "64Mi"}},
        volumeMounts=[{"name": "settings", "mountPath": "/etc/settings"}],
        readinessProbe={"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 1},
        spec_volumes=[{"name": "settings", "configMap": {"name": "settings"}}],
    )
    kube.wait(lambda: kube.container("env").get("ready"))
    status = kube.status("env")
    assert status["phase"] == "Running"
    assert {each["type"]: each["status"] for each in status["conditions"]} == dict.fromkeys(
        ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"), "True"
    )
    log = kube.log("env").splitlines()
    assert log[0] == f"image green s3cret at {status['podIP']} 64"
    assert log[1] == "content"
    assert log[3] == "starting"
    assert status["containerStatuses"][0]["imageID"].startswith(f"{kube.registry}/base/node-test@sha256:")
    reasons = [reason for reason, _ in kube.events("env")]
    assert [each for each in reasons if each != "Unhealthy"][:1] == ["Scheduled"]
    assert {"Pulled", "Created", "Started"} <= set(reasons)


def test_crash_loop_shows_both_faces_exit_code_and_log(kube: Kube) -> None:
    kube.pod("crash", command=["sh", "-c", "echo boom >&2; exit 3"])
    kube.wait(lambda: kube.waiting("crash") == "CrashLoopBackOff")
    status = kube.container("crash")
    assert status["lastState"]["terminated"]["exitCode"] == 3
    assert status["lastState"]["terminated"]["reason"] == "Error"
    assert status["restartCount"] >= 1
    assert status["state"]["waiting"]["message"].startswith("back-off 1s restarting failed container=app pod=crash_")
    assert kube.log("crash", "?previous=true") == "boom\n"
    kube.wait(lambda: "terminated" in kube.container("crash")["state"])  # the other face
    assert any(reason == "BackOff" for reason, _ in kube.events("crash"))
    assert kube.status("crash")["phase"] == "Running"


def test_memory_over_the_limit_is_oom_killed(kube: Kube) -> None:
    leak = "import time\nkept = []\nwhile True:\n    kept.append(bytearray(4 << 20)); time.sleep(0.01)"
    kube.pod(
        "leak", command=["python3", "-c", leak], resources={"limits": {"memory": "48Mi"}}, spec_restartPolicy="Never"
    )
    kube.wait(lambda: kube.status("leak")["phase"] == "Failed")
    ended = kube.container("leak")["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (137, "OOMKilled")


def test_missing_image_and_refused_image_are_told(kube: Kube) -> None:
    kube.pod("missing", image=f"{kube.registry}/base/nothing:v9")
    kube.pod("private", image=f"{kube.registry}/demo/nothing:v9")
    kube.pod("nobody", image="127.0.0.1:1/demo/app:v1")
    kube.pod("shouting", image="Not A Valid:image")
    kube.pod("never", image=f"{kube.registry}/base/node-test:v77", imagePullPolicy="Never")
    for name, words in (
        ("missing", "not found"),
        ("private", "pull access denied, repository does not exist or may require authorization"),
        ("nobody", "dial tcp 127.0.0.1:1: connect: connection refused"),
    ):
        kube.wait(lambda name=name: kube.waiting(name) == "ImagePullBackOff")
        told = dict(reversed([event for event in kube.events(name) if event[0] == "Failed"]))
        assert words in kube.container(name)["state"]["waiting"]["message"]
        assert told
        assert kube.status(name)["phase"] == "Pending"
    kube.wait(lambda: kube.waiting("shouting") == "InvalidImageName")
    kube.wait(lambda: kube.waiting("never") == "ErrImageNeverPull")
    assert "is waiting to start: image can't be pulled" in kube.log("missing") or "trying and failing" in kube.log(
        "missing"
    )


def test_pull_secret_opens_a_private_image(kube: Kube, node_host: Running, tmp_path: Path) -> None:
    digest = push_image(node_host.endpoints, "demo/private-app", "v1", folder=tmp_path)
    harbor = node_host.endpoints["harbor"]
    kube.create("secrets", pull_secret(harbor["registry"], harbor["username"], harbor["password"]))
    image = f"{kube.registry}/demo/private-app@{digest}"
    kube.pod("open", image=image, spec_imagePullSecrets=[{"name": "pull"}])
    kube.wait(lambda: kube.status("open").get("phase") == "Running")
    assert kube.container("open")["imageID"].endswith(digest)


@needs_namespaces
def test_upper_layer_replaces_and_removes_files(kube: Kube, node_host: Running, tmp_path: Path) -> None:
    from deploy.sandbox.images.oci import Entry

    changes = [Entry.folder("app"), Entry.file("app/new", b"new\n"), Entry.whiteout("app/old")]
    push_image(node_host.endpoints, "base/layered", "v1", changes=changes, folder=tmp_path)
    command = ["sh", "-c", "ls /app; cat /app/new; echo mine > /tmp/mine && cat /tmp/mine"]
    kube.pod("layers", image=f"{kube.registry}/base/layered:v1", command=command, spec_restartPolicy="Never")
    kube.wait(lambda: kube.status("layers")["phase"] == "Succeeded")
    assert kube.log("layers").split() == ["app.py", "new", "new", "mine"]


def test_missing_configuration_is_told_and_repaired_in_place(kube: Kube) -> None:
    reference = {"configMapKeyRef": {"name": "late", "key": "x"}}
    kube.pod("noconfig", env=[{"name": "X", "valueFrom": reference}])
    kube.pod("novolume", volumeMounts=[{"name": "v", "mountPath": "/v"}],
             spec_volumes=[{"name": "v", "secret": {"secretName": "gone"}}])  # fmt: skip
    kube.pod("hostpath", volumeMounts=[{"name": "v", "mountPath": "/v"}],
             spec_volumes=[{"name": "v", "hostPath": {"path": "/etc"}}])  # fmt: skip
    kube.pod("root", securityContext={"runAsNonRoot": True, "runAsUser": 0})
    kube.wait(lambda: kube.waiting("noconfig") == "CreateContainerConfigError")
    assert kube.container("noconfig")["state"]["waiting"]["message"] == 'configmap "late" not found'
    kube.wait(lambda: kube.waiting("root") == "CreateContainerConfigError")
    missing = 'MountVolume.SetUp failed for volume "v" : secret "gone" not found'
    kube.wait(lambda: ("FailedMount", missing) in kube.events("novolume"))
    assert kube.waiting("novolume") == "ContainerCreating"
    kube.wait(lambda: any(reason == "FailedMount" for reason, _ in kube.events("hostpath")))
    kube.create("configmaps", {"metadata": {"name": "late"}, "data": {"x": "1"}})
    kube.wait(lambda: kube.status("noconfig")["phase"] == "Running")


def test_command_that_is_not_there_is_a_start_error(kube: Kube) -> None:
    kube.pod("nocommand", command=["/nosuch/binary"])
    kube.wait(lambda: kube.waiting("nocommand") == "RunContainerError")
    ended = kube.container("nocommand")["lastState"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (128, "StartError")
    assert 'exec: "/nosuch/binary": stat /nosuch/binary: no such file or directory' in ended["message"]


@needs_namespaces
def test_pod_that_ends_keeps_its_exit_code_and_message(kube: Kube) -> None:
    kube.pod(
        "failed", command=["sh", "-c", "echo the reason > /dev/termination-log; exit 7"], spec_restartPolicy="Never"
    )
    kube.pod("done", command=["true"], spec_restartPolicy="OnFailure")
    kube.wait(lambda: kube.status("failed")["phase"] == "Failed")
    ended = kube.container("failed")["state"]["terminated"]
    assert (ended["exitCode"], ended["message"]) == (7, "the reason\n")
    kube.wait(lambda: kube.status("done")["phase"] == "Succeeded")
    conditions = {each["type"]: each.get("reason") for each in kube.status("done")["conditions"]}
    assert conditions["Ready"] == "PodCompleted"


def test_no_node_fits_in_the_schedulers_words(kube: Kube) -> None:
    kube.pod("toobig", resources={"requests": {"cpu": "400"}})
    kube.pod("nonode", spec_nodeSelector={"disk": "gold"})
    words = (
        "no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."
    )
    for name, why in (
        ("toobig", "1 Insufficient cpu"),
        ("nonode", "1 node(s) didn't match Pod's node affinity/selector"),
    ):
        message = f"0/1 nodes are available: {why}. {words}"
        kube.wait(lambda name=name, message=message: ("FailedScheduling", message) in kube.events(name))
        condition = kube.status(name)["conditions"][0]
        assert (condition["type"], condition["reason"], condition["message"]) == (
            "PodScheduled",
            "Unschedulable",
            message,
        )


@needs_namespaces
def test_init_container_and_sidecar_run_in_order(kube: Kube) -> None:
    mount = {"name": "shared", "mountPath": "/shared"}
    inits = [
        {"name": "first", "image": kube.image, "command": ["sh", "-c", "echo one > /shared/file"], "volumeMounts": [mount]},
        {"name": "helper", "image": kube.image, "restartPolicy": "Always", "volumeMounts": [mount],
         "command": ["sh", "-c", "echo two >> /shared/file; exec sleep 1000"],
         "startupProbe": {"exec": {"command": ["grep", "two", "/shared/file"]}, "periodSeconds": 1}},
    ]  # fmt: skip
    kube.pod("ordered", command=["sh", "-c", "cat /shared/file; exec sleep 1000"], volumeMounts=[mount],
             spec_volumes=[{"name": "shared", "emptyDir": {}}], spec_initContainers=inits)  # fmt: skip
    kube.wait(lambda: kube.container("ordered").get("ready"))
    kube.wait(lambda: kube.log("ordered", "?container=app") == "one\ntwo\n")
    first, helper = kube.status("ordered")["initContainerStatuses"]
    assert first["state"]["terminated"]["reason"] == "Completed"
    assert (helper["ready"], helper["started"]) == (True, True)


def test_liveness_probe_restarts_and_readiness_does_not(kube: Kube) -> None:
    alive = {"httpGet": {"path": "/bad", "port": 8080}, "periodSeconds": 1, "failureThreshold": 2}
    kube.pod("unlively", livenessProbe=alive)
    kube.pod("notready", readinessProbe=alive)
    kube.wait(lambda: kube.container("unlively").get("restartCount", 0) >= 1)
    assert ("Killing", "Container app failed liveness probe, will be restarted") in kube.events("unlively")
    assert any(
        "Liveness probe failed: HTTP probe failed with statuscode: 500" in text for _, text in kube.events("unlively")
    )
    status = kube.container("notready")
    assert (status["ready"], status["restartCount"], "running" in status["state"]) == (False, 0, True)


@needs_namespaces
def test_pre_stop_comes_before_sigterm_and_the_pod_goes_within_its_grace(kube: Kube) -> None:
    hook = {"preStop": {"exec": {"command": ["sh", "-c", "echo hook > /proc/1/fd/1; sleep 0.5"]}}}
    kube.pod("polite", lifecycle=hook, spec_terminationGracePeriodSeconds=20)
    kube.wait(lambda: "starting" in kube.log("polite"))
    kube.wait(lambda: kube.container("polite").get("ready"))
    time.sleep(0.3)  # the signal handler is set a moment after the first line
    before = time.monotonic()
    held = kube.merge("pods", "polite", {"metadata": {"finalizers": ["test/hold"]}})
    kube.delete("pods", "polite")
    kube.wait(lambda: kube.status("polite")["phase"] == "Succeeded")
    assert time.monotonic() - before < 10
    assert kube.log("polite").splitlines() == ["starting", "hook", "got SIGTERM"]
    assert held["metadata"]["name"] == "polite"
    kube.merge("pods", "polite", {"metadata": {"finalizers": None}})
    kube.wait(lambda: kube.get("pods", "polite") is None)


def test_stubborn_container_is_killed_at_the_end_of_its_grace(kube: Kube) -> None:
    kube.pod("stubborn", env=[{"name": "STUBBORN", "value": "1"}], spec_terminationGracePeriodSeconds=2,
             readinessProbe={"tcpSocket": {"port": 8080}, "periodSeconds": 1})  # fmt: skip
    kube.wait(lambda: kube.container("stubborn").get("ready"))
    before = time.monotonic()
    kube.delete("pods", "stubborn")
    assert kube.get("pods", "stubborn") is not None
    kube.wait(lambda: kube.get("pods", "stubborn") is None)
    assert 1.5 < time.monotonic() - before < 6


def test_log_follows_until_the_container_ends(kube: Kube) -> None:
    kube.pod(
        "talker", command=["sh", "-c", "for n in 1 2 3; do echo line $n; sleep 0.3; done"], spec_restartPolicy="Never"
    )
    kube.wait(lambda: kube.status("talker")["phase"] in ("Running", "Succeeded"))
    assert kube.log("talker", "?follow=true") == "line 1\nline 2\nline 3\n"
    assert kube.log("talker", "?tailLines=1") == "line 3\n"
    assert kube.log("talker", "?tailLines=1&timestamps=true").split("Z ")[1] == "line 3\n"
    assert kube.log("talker", "?limitBytes=8") == "line 1\nl"
