"""Deployments with real processes: rolling updates under load, failures, rollbacks (recordings 04, 11, 13)."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from .kube import Kube

RATE = 50  # new connections a second


@contextmanager
def load(kube: Kube, host: str) -> Iterator[Counter[str]]:
    """Ask the Ingress over new connections all the time and count the answers."""
    answers: Counter[str] = Counter()
    stop = threading.Event()
    threads: list[threading.Thread] = []

    def ask() -> None:
        try:
            status, text = kube.ask(host)
            answers[text.split()[0] if status == 200 else str(status)] += 1
        except Exception as exc:  # noqa: BLE001 - every failure counts
            answers[type(exc).__name__] += 1

    def run() -> None:
        begun = time.monotonic()
        while not stop.is_set():
            thread = threading.Thread(target=ask)
            thread.start()
            threads.append(thread)
            stop.wait(max(0.0, begun + len(threads) / RATE - time.monotonic()))

    driver = threading.Thread(target=run)
    driver.start()
    try:
        yield answers
    finally:
        stop.set()
        driver.join()
        for thread in threads:
            thread.join()


def test_two_replicas_share_a_port_and_the_ingress_reaches_both(kube: Kube) -> None:
    host = kube.expose("web")
    kube.wait(lambda: kube.ask(host)[0] == 503)
    pod_ip = {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
    kube.apply("deployments", kube.deployment("web", "v1", env=[pod_ip]))
    kube.wait(lambda: kube.rolled_out("web"))
    seen = {kube.ask(host)[1].split()[2] for _ in range(6)}
    pods = kube.list("pods", "?labelSelector=app%3Dweb")
    assert seen == {pod["status"]["podIP"] for pod in pods}
    assert len(seen) == 2
    endpoints = kube.list("endpointslices")[0]["endpoints"]
    assert {each["addresses"][0] for each in endpoints} == seen
    old = kube.get("endpoints", "web")
    assert old is not None
    assert {each["ip"] for each in old["subsets"][0]["addresses"]} == seen
    assert kube.ask(f"other.{host}")[0] == 404


def test_rolling_update_under_load_loses_no_request(kube: Kube) -> None:
    host = kube.expose("web")
    sleep = {"preStop": {"sleep": {"seconds": 2}}}
    kube.apply("deployments", kube.deployment("web", "v1", lifecycle=sleep))
    kube.wait(lambda: kube.rolled_out("web"))
    with load(kube, host) as answers:
        kube.wait(lambda: answers["v1"] > 10)
        kube.apply("deployments", kube.deployment("web", "v2", lifecycle=sleep))
        kube.wait(lambda: kube.rolled_out("web"))
        kube.wait(lambda: len(kube.list("pods")) == 2)
    assert set(answers) == {"v1", "v2"}, answers
    assert answers["v2"] > 10
    deployment = kube.get("deployments", "web")
    assert deployment is not None
    assert deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"
    conditions = {each["type"]: each["reason"] for each in deployment["status"]["conditions"]}
    assert conditions == {"Available": "MinimumReplicasAvailable", "Progressing": "NewReplicaSetAvailable"}


def test_negative_control_without_readiness_and_pre_stop_loses_requests(kube: Kube) -> None:
    host = kube.expose("web")
    late = [{"name": "START_AFTER", "value": "0.5"}]
    kube.apply("deployments", kube.deployment("web", "v1", readinessProbe=None, env=late))
    kube.wait(lambda: kube.rolled_out("web"))
    kube.wait(lambda: kube.ask(host)[0] == 200)
    with load(kube, host) as answers:
        kube.wait(lambda: answers["v1"] > 10)
        kube.apply("deployments", kube.deployment("web", "v2", readinessProbe=None, env=late))
        kube.wait(lambda: kube.rolled_out("web"))
        kube.wait(lambda: answers["v2"] > 10)
    assert set(answers) - {"v1", "v2"}, "a careless release should have been seen"


def test_failing_rollout_keeps_the_old_version_and_rollback_reuses_its_replica_set(kube: Kube) -> None:
    kube.apply("deployments", kube.deployment("web", "v1", replicas=1))
    kube.wait(lambda: kube.rolled_out("web"))
    bad = kube.deployment(
        "web", "v2", replicas=1, image=f"{kube.registry}/base/gone:v1", spec_progressDeadlineSeconds=2
    )
    kube.apply("deployments", bad)

    def reason() -> str:
        found = kube.get("deployments", "web") or {}
        return str({each["type"]: each for each in found["status"]["conditions"]}["Progressing"]["reason"])

    kube.wait(lambda: reason() == "ProgressDeadlineExceeded")
    status = (kube.get("deployments", "web") or {})["status"]
    assert (status["readyReplicas"], status["updatedReplicas"], status["unavailableReplicas"]) == (1, 1, 1)
    back = kube.deployment("web", "v1", replicas=1, spec_progressDeadlineSeconds=600)
    kube.apply("deployments", back)
    kube.wait(lambda: kube.rolled_out("web") and reason() == "NewReplicaSetAvailable")
    sets = {each["spec"]["replicas"]: each["metadata"]["annotations"] for each in kube.list("replicasets")}
    assert sets[1]["deployment.kubernetes.io/revision"] == "3"
    assert sets[1]["deployment.kubernetes.io/revision-history"] == "1"


def test_recreate_has_no_two_versions_at_once(kube: Kube) -> None:
    recreate = {"type": "Recreate"}
    kube.apply("deployments", kube.deployment("web", "v1", spec_strategy=recreate))
    kube.wait(lambda: kube.rolled_out("web"))
    first = {pod["metadata"]["uid"] for pod in kube.list("pods")}
    kube.apply("deployments", kube.deployment("web", "v2", spec_strategy=recreate))

    def mixed() -> bool:
        now = {pod["metadata"]["uid"] for pod in kube.list("pods")}
        assert not (now & first and now - first)
        return kube.rolled_out("web") and not now & first

    kube.wait(mixed)


def test_quota_refusal_is_told_on_the_deployment(kube: Kube) -> None:
    kube.create("resourcequotas", {"metadata": {"name": "team"}, "spec": {"hard": {"pods": "1"}}})
    kube.apply("deployments", kube.deployment("web", "v1"))

    def failure() -> str:
        found = (kube.get("deployments", "web") or {}).get("status") or {}
        return str(
            {each["type"]: each for each in found.get("conditions", [])}.get("ReplicaFailure", {}).get("message", "")
        )

    words = "exceeded quota: team, requested: pods=1, used: pods=1, limited: pods=1"
    kube.wait(lambda: words in failure())
    quota = kube.get("resourcequotas", "team")
    assert quota is not None
    assert quota["status"]["used"] == {"pods": "1"}


def test_scale_pause_and_history(kube: Kube) -> None:
    kube.apply("deployments", kube.deployment("web", "v1", replicas=1, spec_revisionHistoryLimit=0))
    kube.wait(lambda: kube.rolled_out("web"))
    kube.merge("deployments", "web", {"spec": {"replicas": 3, "paused": True}})
    kube.wait(lambda: kube.rolled_out("web"))
    kube.merge("deployments", "web", {"spec": {"template": {"metadata": {"annotations": {"again": "1"}}}}})
    kube.wait(lambda: ((kube.get("deployments", "web") or {})["status"].get("updatedReplicas", 0)) == 0)
    assert len(kube.list("replicasets")) == 1
    kube.merge("deployments", "web", {"spec": {"replicas": 1, "paused": False}})
    kube.wait(lambda: kube.rolled_out("web"))
    kube.wait(lambda: len(kube.list("replicasets")) == 1)


def test_deleting_a_deployment_takes_everything_along(kube: Kube) -> None:
    kube.apply("deployments", kube.deployment("web", "v1"))
    kube.wait(lambda: kube.rolled_out("web"))
    kube.delete("deployments", "web", "?propagationPolicy=Foreground")
    kube.wait(lambda: kube.get("deployments", "web") is None)
    assert not kube.list("replicasets")
    kube.wait(lambda: not kube.list("pods"))


def test_ingress_streams_bodies_and_passes_websockets_through(kube: Kube) -> None:
    import socket

    host = kube.expose("web")
    kube.apply("deployments", kube.deployment("web", "v1", replicas=1))
    kube.wait(lambda: kube.ask(host)[0] == 200)
    assert kube.ask(host, "/stream") == (200, "0\n1\n2\n")
    assert kube.ask(host)[1].split()[-1] == host
    assert kube.ask(host, method="POST", body=b"abc") == (200, "cba")
    assert kube.ask(host, method="POST", body=iter([b"ab", b"c"]))[1] == "cba"
    address, port = kube.ingress_url.removeprefix("http://").split(":")
    with socket.create_connection((address, int(port)), timeout=5) as sock:
        head = f"GET /ws HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"
        sock.sendall(head.encode())
        stream = sock.makefile("rb")
        assert stream.readline() == b"HTTP/1.1 101 Switching Protocols\r\n"
        while stream.readline() != b"\r\n":
            pass
        for word in (b"hello\n", b"again\n"):
            sock.sendall(word)
            assert stream.readline() == b"echo " + word
        stream.close()
