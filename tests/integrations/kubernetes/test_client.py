"""The client against the sandbox's API server, over TLS, with its journal read and its faults switched on."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import msgspec
import pytest
from urllib3.exceptions import InsecureRequestWarning

from apps.integrations.calls import Timeout
from apps.integrations.errors import (
    Missing,
    OutcomeUnknown,
    Rejected,
    Stale,
    Unauthorized,
    Unavailable,
    UnexpectedResponse,
    Untrusted,
)
from apps.integrations.kubernetes import client as client_module
from apps.integrations.kubernetes.answers import ApplyConflict, Conflict
from apps.integrations.kubernetes.client import KubernetesClient
from apps.integrations.kubernetes.entities import Action
from tests.integrations.conftest import Sandbox
from tests.integrations.scripted import answer, scripted

_numbers = itertools.count(1)


class Metadata(msgspec.Struct):
    name: str


class Named(msgspec.Struct):
    metadata: Metadata


@pytest.fixture(scope="module")
def client(cluster_api: Sandbox) -> Iterator[KubernetesClient]:
    client = KubernetesClient(cluster_api.cluster("north"))
    yield client
    client.close()


@pytest.fixture
def namespace(client: KubernetesClient) -> str:
    name = f"client-{next(_numbers)}"
    assert client.ensure_namespace(name, {"slipway.io/project": "demo"})
    return name


def config_map(namespace: str, name: str = "settings", **content: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": {"name": name}},
        "data": content,
    }


def deployment(namespace: str, replicas: int | None = 1, image: str = "demo/web:v1") -> dict[str, Any]:
    labels = {"app": "web"}
    spec: dict[str, Any] = {"replicas": replicas} if replicas is not None else {}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": image}]}}
    spec |= {"selector": {"matchLabels": labels}, "template": template}
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": namespace}, "spec": spec,
    }  # fmt: skip


def test_what_a_cluster_is_and_can(client: KubernetesClient) -> None:
    capabilities = client.capabilities()
    assert capabilities.version.minor >= 25
    assert str(capabilities.version) == f"1.{capabilities.version.minor}"
    assert "apps" in capabilities.groups
    assert capabilities.ingress_classes == ("nginx",)
    assert client.whoami() == "admin"


def test_apply_is_one_request_and_says_whether_it_created(
    client: KubernetesClient, cluster_api: Sandbox, namespace: str
) -> None:
    manifest = config_map(namespace, key="one")
    assert client.apply(manifest, dry_run=True).created is True
    assert client.find("ConfigMap", "settings", namespace) is None
    asked = len(cluster_api.seen("north", "GET", f"{namespace}/configmaps"))
    made = client.apply(manifest)
    assert (made.created, made.object["data"]) == (True, {"key": "one"})
    assert client.apply(manifest).created is False
    assert len(cluster_api.seen("north", "GET", f"{namespace}/configmaps")) == asked


def test_ensure_says_whether_anything_changed(client: KubernetesClient, namespace: str) -> None:
    assert client.ensure(config_map(namespace, key="one")) is True
    assert client.ensure(config_map(namespace, key="one")) is False
    assert client.ensure(config_map(namespace, key="two")) is True


def test_bytes_are_applied_as_they_are(client: KubernetesClient, namespace: str) -> None:
    content = b' {"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"raw"},"data":{"z":"1","a":"\xc3\xa9"}}\n'
    assert client.apply(content, namespace=namespace).object["data"] == {"a": "é", "z": "1"}
    with scripted(answer(201, {"metadata": {}})) as server:
        client_of(server.url).apply(content, namespace="x")
        assert server.bodies[-1] == content
        assert "application/apply-patch+yaml" in server.headers[-1]
        assert server.requests[-1] == "PATCH /api/v1/namespaces/x/configmaps/raw?fieldManager=slipway&force=false"


def test_fields_of_others_are_not_taken_over_unless_told(client: KubernetesClient, namespace: str) -> None:
    client.apply(config_map(namespace, key="one"), field_manager="somebody")
    with pytest.raises(ApplyConflict) as caught:
        client.apply(config_map(namespace, key="two"))
    assert caught.value.conflicts == (Conflict("somebody", ".data.key"),)
    assert caught.value.params["cluster"] == "north"
    assert client.apply(config_map(namespace, key="two"), force=True).object["data"] == {"key": "two"}


def by_kubectl(client: KubernetesClient, namespace: str) -> None:
    """Make what `kubectl apply` makes: an update that owns the whole object."""
    made = deployment(namespace)
    made["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "OLD", "value": "1"}]
    client._json(
        "POST",
        f"/apis/apps/v1/namespaces/{namespace}/deployments",
        operation="create",
        query={"fieldManager": "kubectl-client-side-apply"},
        body=made,
    )


def test_taking_over_removes_what_kubectl_left(client: KubernetesClient, namespace: str) -> None:
    by_kubectl(client, namespace)
    wanted = deployment(namespace, image="demo/web:v2")
    with pytest.raises(ApplyConflict) as caught:
        client.apply(wanted)
    assert {conflict.manager for conflict in caught.value.conflicts} == {"kubectl-client-side-apply"}

    applied = client.take_over(wanted).object
    [container] = applied["spec"]["template"]["spec"]["containers"]
    assert (container["image"], container.get("env")) == ("demo/web:v2", None)
    managers = {entry["manager"] for entry in applied["metadata"]["managedFields"] if not entry.get("subresource")}
    assert managers == {"slipway"}
    assert client.ensure(wanted) is False


def test_taking_over_what_is_not_there_creates_it(client: KubernetesClient, namespace: str) -> None:
    assert client.take_over(config_map(namespace, key="one")).created is True


def test_what_is_written_all_the_time_is_not_taken_over_in_a_hurry() -> None:
    entry = {"manager": "kubectl-edit", "operation": "Update", "apiVersion": "v1", "fieldsV1": {"f:data": {}}}
    live = {"metadata": {"name": "settings", "resourceVersion": "5", "managedFields": [entry]}}
    busy = {"kind": "Status", "reason": "Conflict", "message": "the object has been modified", "code": 409}
    with scripted(*(answer(200, live), answer(409, busy)) * 5) as server, pytest.raises(Stale):
        client_of(server.url).take_over(config_map("x", key="one"))
    assert [request.split()[0] for request in server.requests] == ["GET", "PATCH"] * 5
    assert all(b'"/metadata/resourceVersion","value":"5"' in body for body in server.bodies if body)


def test_what_a_server_warns_of_is_told() -> None:
    text = 'would violate PodSecurity "restricted:latest": runAsNonRoot != true'
    quoted = text.replace('"', '\\"')
    with scripted(answer(201, {"metadata": {}}, headers={"Warning": f'299 - "{quoted}"'})) as server:
        assert client_of(server.url).apply(config_map("x", key="one")).warnings == (text,)


def test_a_workload_keeps_its_number_of_pods_for_its_autoscaler(client: KubernetesClient, namespace: str) -> None:
    without = deployment(namespace, replicas=None)
    client.keep_replicas(without)  # there is nothing to keep yet
    client.apply(deployment(namespace, replicas=4))
    client.keep_replicas(without)
    assert client.apply(without).object["spec"]["replicas"] == 4
    client.keep_replicas(without)
    assert client.ensure(without) is False


def test_a_wrong_manifest_is_rejected_with_its_field(client: KubernetesClient, namespace: str) -> None:
    wrong = deployment(namespace)
    wrong["spec"]["replicaz"] = 1
    with pytest.raises(Rejected) as caught:
        client.apply(wrong)
    assert caught.value.details == [("spec.replicaz", "field not declared in schema")]
    with pytest.raises(ValueError, match=r"metadata\.name"):
        client.apply({"apiVersion": "v1", "kind": "ConfigMap"})
    with pytest.raises(LookupError, match="Gadget"):
        client.apply({"apiVersion": "v1", "kind": "Gadget", "metadata": {"name": "x"}})
    with pytest.raises(LookupError, match="belongs to the group"):
        client.apply({**config_map(namespace), "apiVersion": "apps/v1"})


def test_an_apply_without_an_answer_is_sent_again_and_has_one_effect(
    client: KubernetesClient, cluster_api: Sandbox, namespace: str
) -> None:
    path = f"{namespace}/configmaps/settings"
    cluster_api.fault(kind="drop_after", server="north", method="PATCH", path=path, times=1)
    applied = client.apply(config_map(namespace, key="one"))
    assert applied.object["data"] == {"key": "one"}
    assert len(cluster_api.seen("north", "PATCH", path)) == 2


def test_an_eviction_without_an_answer_is_not_sent_again(
    client: KubernetesClient, cluster_api: Sandbox, namespace: str
) -> None:
    path = f"{namespace}/pods/web/eviction"
    cluster_api.fault(kind="drop_after", server="north", method="POST", path=path, times=None)
    with pytest.raises(OutcomeUnknown):
        client.evict(namespace, "web")
    assert len(cluster_api.seen("north", "POST", path)) == 1


def test_lists_come_in_pages_with_selectors_and_structs(
    client: KubernetesClient, cluster_api: Sandbox, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        client.apply(config_map(namespace, f"c{number}", number=str(number)))
    monkeypatch.setattr(client_module, "PAGE", 2)
    listing = client.list_objects("ConfigMap", namespace)
    names = [item["metadata"]["name"] for item in listing.items if item["metadata"]["name"].startswith("c")]
    assert names[:5] == ["c0", "c1", "c2", "c3", "c4"]
    assert {(item["apiVersion"], item["kind"]) for item in listing.items} == {("v1", "ConfigMap")}
    assert listing.resource_version
    assert len(cluster_api.seen("north", "GET", f"{namespace}/configmaps?limit=2")) >= 3
    [only] = client.list_objects("ConfigMap", namespace, labels={"name": "c3"}).items
    assert only["data"] == {"number": "3"}
    found = client.list_objects("ConfigMap", namespace, labels="name in (c1,c2)", into=Named)
    assert [each.metadata.name for each in found.items] == ["c1", "c2"]
    assert client.list_objects("Pod", "no-such-namespace").items == []


def test_a_list_that_expires_midway_begins_again() -> None:
    gone = {"kind": "Status", "reason": "Expired", "message": "too old", "code": 410}
    page = {"metadata": {"continue": "x", "resourceVersion": "1"}, "items": [{"metadata": {"name": "a"}}]}
    last = {"metadata": {"resourceVersion": "2"}, "items": [{"metadata": {"name": "b"}}]}
    with scripted(answer(200, page), answer(410, gone), answer(200, last)) as server:
        client = client_of(server.url)
        assert [item["metadata"]["name"] for item in client.list_objects("Pod", "x").items] == ["b"]
    twice = (answer(200, page), answer(410, gone), answer(200, page), answer(410, gone))
    with scripted(*twice) as server, pytest.raises(Stale):
        client_of(server.url).list_objects("Pod", "x")


def test_delete_is_idempotent_and_keeps_to_its_preconditions(client: KubernetesClient, namespace: str) -> None:
    made = client.apply(config_map(namespace, key="one")).object
    with pytest.raises(Stale):
        client.delete("ConfigMap", "settings", namespace, uid="00000000-0000-0000-0000-000000000000")
    assert client.delete("ConfigMap", "settings", namespace, uid=made["metadata"]["uid"]) is True
    assert client.delete("ConfigMap", "settings", namespace) is False
    with pytest.raises(Missing):
        client.get("ConfigMap", "settings", namespace)


def test_scale_and_restart_are_other_managers_fields(client: KubernetesClient, namespace: str) -> None:
    client.apply(deployment(namespace, replicas=None))
    client.scale("Deployment", "web", namespace, 3)
    at = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    client.restart("Deployment", "web", namespace, at)
    assert client.ensure(deployment(namespace, replicas=None)) is False
    applied = client.apply(deployment(namespace, replicas=None))
    assert applied.object["spec"]["replicas"] == 3
    annotations = applied.object["spec"]["template"]["metadata"]["annotations"]
    assert annotations == {"kubectl.kubernetes.io/restartedAt": "2026-01-02T03:04:00+00:00"}
    with pytest.raises(Rejected):
        client.scale("Deployment", "web", namespace, -1)
    with pytest.raises(Missing):
        client.scale("Deployment", "none", namespace, 1)


def test_patches_in_three_styles(client: KubernetesClient, namespace: str) -> None:
    client.apply(config_map(namespace, key="one"))
    merged = client.patch("ConfigMap", "settings", namespace, {"data": {"more": "x"}})
    assert merged["data"] == {"key": "one", "more": "x"}
    replaced = client.patch(
        "ConfigMap", "settings", namespace, [{"op": "replace", "path": "/data/key", "value": "y"}], style="json"
    )
    assert replaced["data"]["key"] == "y"
    strategic = client.patch("ConfigMap", "settings", namespace, {"data": {"more": None}}, style="strategic")
    assert strategic["data"] == {"key": "y"}


def test_rights_are_reviewed_and_lacking_ones_told(
    client: KubernetesClient, cluster_api: Sandbox, namespace: str
) -> None:
    client.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "weak", "namespace": namespace}})
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/weak/token"
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
    token = client._json("POST", path, operation="make token", body=request)["status"]["token"]
    weak = KubernetesClient(cluster_api.cluster("north", token=token))
    action = Action("create", "deployments", "apps", namespace=namespace)
    assert [each.allowed for each in client.permissions([action])] == [True]
    assert [each.allowed for each in weak.permissions([action])] == [False]
    assert str(action) == f"create deployments.apps in {namespace}"
    with pytest.raises(Unauthorized) as caught:
        weak.apply(deployment(namespace))
    assert caught.value.status == 403
    assert weak.whoami() == f"system:serviceaccount:{namespace}:weak"
    weak.close()


def test_a_wrong_token_a_wrong_ca_and_nobody_there(cluster_api: Sandbox) -> None:
    with pytest.raises(Unauthorized) as caught:
        KubernetesClient(cluster_api.cluster("north", token="wrong-token")).version()
    assert caught.value.status == 401
    with pytest.raises(Untrusted):
        KubernetesClient(cluster_api.cluster("north", ca_pem="")).version()
    insecure = replace(cluster_api.cluster("north", ca_pem=""), insecure=True)
    with pytest.warns(InsecureRequestWarning):
        assert KubernetesClient(insecure).version().major == 1
    with pytest.raises(Unavailable):
        KubernetesClient(cluster_api.cluster("north", server="https://127.0.0.1:1")).version()


@pytest.mark.parametrize(
    "fault", [{"kind": "status", "status": 503}, {"kind": "drop"}, {"kind": "status", "status": 429}]
)
def test_a_read_survives_a_hiccup(client: KubernetesClient, cluster_api: Sandbox, fault: dict[str, Any]) -> None:
    cluster_api.fault(server="north", path="/version", times=2, **fault)
    assert client.version().major == 1


def test_a_slow_server_is_given_up(cluster_api: Sandbox) -> None:
    cluster_api.fault(kind="slow", seconds=2, server="north", path="/version", times=None)
    client = KubernetesClient(cluster_api.cluster("north"), timeout=Timeout(1.0, 0.3))
    with pytest.raises(Unavailable):
        client.version()
    client.close()


def client_of(url: str) -> KubernetesClient:
    from apps.integrations.connection import ClusterConnection

    connection = ClusterConnection("test", url, token="a-token-nobody-sees")
    return KubernetesClient(connection, timeout=Timeout(1.0, 0.5))


@pytest.mark.parametrize(
    ("status", "body", "headers", "error"),
    [
        (200, b"<html>a proxy</html>", {}, UnexpectedResponse),
        (200, b"[]", {}, UnexpectedResponse),
        (200, {"major": "one"}, {}, UnexpectedResponse),
        (302, b"", {"Location": "https://login.example/"}, UnexpectedResponse),
        (502, b"<html>bad gateway</html>", {}, Unavailable),
    ],
)
def test_what_is_no_api_server_is_noticed(
    status: int, body: Any, headers: dict[str, str], error: type[Exception]
) -> None:
    with scripted(answer(status, body, headers=headers)) as server, pytest.raises(error) as caught:
        client_of(server.url).version()
    assert "a-token-nobody-sees" not in str(caught.value)


def test_half_an_answer_is_no_answer() -> None:
    half = answer(200, {"major": "1", "minor": "30", "gitVersion": "v1.30.0"}, cut=10)
    with scripted(half) as server, pytest.raises(Unavailable):
        client_of(server.url).version()
    with scripted(answer(201, {}, cut=1)) as server, pytest.raises(OutcomeUnknown):
        client_of(server.url).evict("x", "y")


@pytest.mark.parametrize(
    ("ahead", "noticed"), [(timedelta(hours=1), True), (timedelta(hours=-1), True), (timedelta(seconds=1), False)]
)
def test_the_servers_clock_is_known_from_its_answers(ahead: timedelta, noticed: bool) -> None:
    date = format_datetime(datetime.now(UTC) + ahead, usegmt=True)
    with scripted(answer(200, {}, headers={"Date": date}), answer(200, {}, headers={"Date": "nonsense"})) as server:
        client = client_of(server.url)
        assert abs(client.now - datetime.now(UTC)) < timedelta(seconds=1), "ours, before the first answer"
        for _ in range(2):
            client.get("ConfigMap", "x", "y")
            difference = client.now - datetime.now(UTC)
            assert abs(difference - (ahead if noticed else timedelta())) < timedelta(seconds=3)


def test_a_log_that_is_gone_or_not_there_yet_is_empty() -> None:
    gone = b"unable to retrieve container logs for containerd://abc"
    with scripted(answer(200, gone), answer(204, b""), answer(200, b"one\ntwo\n")) as server:
        client = client_of(server.url)
        assert [client.logs("x", "y", previous=True), client.logs("x", "y"), client.logs("x", "y", tail=2)] == [
            "", "", "one\ntwo\n",
        ]  # fmt: skip
        assert server.requests[0] == "GET /api/v1/namespaces/x/pods/y/log?limitBytes=4194304&previous=true"
        assert "tailLines=2" in server.requests[2]


def test_events_of_an_object_come_oldest_first(client: KubernetesClient, namespace: str) -> None:
    for number, last in ((1, "2026-01-01T00:00:09Z"), (2, "2026-01-01T00:00:05Z")):
        event = {
            "apiVersion": "v1", "kind": "Event", "metadata": {"name": f"e{number}", "namespace": namespace},
            "involvedObject": {"kind": "Pod", "name": "web", "namespace": namespace, "uid": "u1"},
            "reason": f"R{number}", "type": "Normal", "lastTimestamp": last, "message": "m",
        }  # fmt: skip
        client.apply(event)
    assert [event["reason"] for event in client.events_of(namespace, uid="u1")] == ["R2", "R1"]
    assert client.events_of(namespace, name="other", kind="Pod") == []


def test_package_is_whole_for_threads_that_need_it_while_it_is_loaded() -> None:
    script = """
import sys, threading, time
from apps.integrations.kubernetes.transport import load_package
sys.setswitchinterval(1e-5)
found = []
def load(delay):
    time.sleep(delay)
    found.append(load_package())
threads = [threading.Thread(target=load, args=(number * 0.05,)) for number in range(12)]
[each.start() for each in threads]
[each.join() for each in threads]
assert len(found) == 12, len(found)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
