from __future__ import annotations

import time

import pytest

from tests.sandbox.conftest import Running, wait_until

from .client import Client, deployment, new_namespace, pod


def test_a_pod_gets_the_servers_defaults_and_an_account(client: Client, namespace: str) -> None:
    answer = client.post(f"/api/v1/namespaces/{namespace}/pods", pod(ports=[{"containerPort": 80}]))
    spec = answer.body["spec"]
    assert answer.status == 201
    assert spec["serviceAccountName"] == "default"
    assert spec["containers"][0]["ports"] == [{"containerPort": 80, "protocol": "TCP"}]
    assert spec["containers"][0]["imagePullPolicy"] == "IfNotPresent"
    assert spec["volumes"][0]["projected"]["sources"][0]["serviceAccountToken"]["path"] == "token"
    assert spec["tolerations"][0]["key"] == "node.kubernetes.io/not-ready"
    assert answer.body["status"] == {"phase": "Pending", "qosClass": "BestEffort"}


def test_an_unknown_account_is_refused(client: Client, namespace: str) -> None:
    body = pod()
    body["spec"]["serviceAccountName"] = "nosuch"
    answer = client.post(f"/api/v1/namespaces/{namespace}/pods", body)
    assert answer.status == 403
    assert "error looking up service account" in answer.body["message"]


def test_limit_ranges_fill_in_and_refuse(client: Client, namespace: str) -> None:
    limit = {"type": "Container", "default": {"cpu": "200m"}, "defaultRequest": {"cpu": "50m"}, "max": {"cpu": "1"}}
    client.post(f"/api/v1/namespaces/{namespace}/limitranges", {"metadata": {"name": "l"}, "spec": {"limits": [limit]}})
    path = f"/api/v1/namespaces/{namespace}/pods"
    made = client.post(path, pod())
    assert made.body["spec"]["containers"][0]["resources"] == {"limits": {"cpu": "200m"}, "requests": {"cpu": "50m"}}
    assert made.body["status"]["qosClass"] == "Burstable"
    over = client.post(path, pod("over", resources={"limits": {"cpu": "4"}}))
    assert over.body["message"] == 'pods "over" is forbidden: maximum cpu usage per Container is 1, but limit is 4'
    above = client.post(path, pod("above", resources={"requests": {"cpu": "500m"}}))
    assert above.status == 422


def test_a_quota_counts_pods_and_objects(client: Client, namespace: str) -> None:
    hard = {"pods": "1", "requests.cpu": "1", "count/deployments.apps": "1"}
    client.post(f"/api/v1/namespaces/{namespace}/resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": hard}})
    pods, deployments = f"/api/v1/namespaces/{namespace}/pods", f"/apis/apps/v1/namespaces/{namespace}/deployments"
    without = client.post(pods, pod("without"))
    assert without.body["message"].endswith("failed quota: q: must specify requests.cpu for: app")
    cpu = {"requests": {"cpu": "600m"}}
    assert client.post(pods, pod("one", resources=cpu)).status == 201
    second = client.post(pods, pod("two", resources=cpu))
    wanted = (
        'pods "two" is forbidden: exceeded quota: q, requested: pods=1,requests.cpu=600m, '
        "used: pods=1,requests.cpu=600m, limited: pods=1,requests.cpu=1"
    )
    assert (second.status, second.body["message"]) == (403, wanted)
    assert client.post(deployments, deployment("a")).status == 201
    assert client.post(deployments, deployment("b")).status == 403
    assert client.apply(f"{deployments}/a", deployment("a", minReadySeconds=1), more="&force=true").status == 200


@pytest.mark.parametrize("plural", ["configmaps", "secrets"])
def test_immutable_content_stays(client: Client, namespace: str, plural: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/{plural}"
    client.post(path, {"metadata": {"name": "x"}, "data": {"a": "MQ=="}, "immutable": True})
    for change in ({"data": {"a": "Mg=="}}, {"immutable": None}):
        assert client.merge(f"{path}/x", change).status == 422
    assert client.merge(f"{path}/x", {"metadata": {"labels": {"a": "b"}}}).status == 200


def test_a_terminating_namespace_takes_nothing_new(client: Client) -> None:
    namespace = new_namespace(client)
    assert client.call("DELETE", f"/api/v1/namespaces/{namespace}").body["status"]["phase"] == "Terminating"
    late = client.post(f"/api/v1/namespaces/{namespace}/configmaps", {"metadata": {"name": "late"}})
    assert late.status == 403
    assert late.body["details"]["causes"][0]["reason"] == "NamespaceTerminating"
    answer = client.call("PUT", f"/api/v1/namespaces/{namespace}/finalize",
                         {"metadata": {"name": namespace}, "spec": {"finalizers": []}})  # fmt: skip
    assert answer.status == 200
    assert client.get(f"/api/v1/namespaces/{namespace}").status == 404


def test_a_service_keeps_its_address(client: Client, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/services/web"
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
               "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}}  # fmt: skip
    first = client.apply(path, service).body["spec"]
    service["spec"]["ports"] = [{"port": 81}]
    second = client.apply(path, service).body["spec"]
    assert first["clusterIP"] == second["clusterIP"]
    assert second["ports"] == [{"port": 81, "protocol": "TCP", "targetPort": 81}]
    assert client.merge(path, {"spec": {"clusterIP": "10.96.9.9"}}).status == 422


def test_writes_are_journaled_with_their_effect_and_without_content(
    client: Client, namespace: str, api_host: Running
) -> None:
    path = f"/api/v1/namespaces/{namespace}/secrets/s"
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"p": "hunter2-plain"}}
    client.apply(path, secret)
    client.apply(path, secret)
    client.merge(path, {"stringData": {"p": "other"}})
    client.call("DELETE", path)
    journal = api_host.host.context.journal
    entries = wait_until(lambda: len(found := [e for e in journal.entries() if path in e["path"]]) == 4 and found)
    assert [(e["verb"], e["effect"]) for e in entries] == [
        ("apply", "created"), ("apply", "unchanged"), ("patch", "changed"), ("delete", "deleted"),
    ]  # fmt: skip
    assert {e["fieldManager"] for e in entries[:2]} == {"slipway"}
    text = (api_host.state / "journal.jsonl").read_text()
    assert "hunter2" not in text
    assert "aHVudGVyMi1wbGFpbg" not in text


def test_five_objects_are_applied_quickly(client: Client, namespace: str) -> None:
    core, apps = f"/api/v1/namespaces/{namespace}", f"/apis/apps/v1/namespaces/{namespace}"
    objects = [
        (f"{core}/configmaps/c", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}),
        (f"{core}/secrets/s", {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}}),
        (f"{core}/serviceaccounts/a", {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "a"}}),
        (f"{apps}/deployments/web", deployment()),
        (f"{apps}/deployments/job", deployment("job")),
    ]
    client.get("/version")
    times = []
    for _ in range(5):
        started = time.perf_counter()
        for path, obj in objects:
            assert client.apply(path, obj).status in (200, 201)
        times.append(time.perf_counter() - started)
    assert min(times) < 0.1


def test_a_node_without_spec_has_an_empty_one(client: Client) -> None:
    made = client.post("/api/v1/nodes", {"metadata": {"name": "bare"}})
    try:
        assert (made.status, made.body["spec"]) == (201, {})
    finally:
        client.call("DELETE", "/api/v1/nodes/bare")
