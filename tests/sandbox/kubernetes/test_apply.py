from __future__ import annotations

import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from deploy.sandbox.kubernetes import typed
from deploy.sandbox.kubernetes.apply import apply, node_of, track_update
from deploy.sandbox.kubernetes.resources import BY_KEY
from deploy.sandbox.kubernetes.status import ApiError
from tests.sandbox.conftest import Running
from tests.sandbox.recordings.recording import Object, exchanges

from .client import Client, deployment

DEPLOYMENT = BY_KEY["deployments.apps"]
OWNERS = ("slipway", "other", "kubectl-client-side-apply")


def cases() -> list[tuple[int, Object | None, Object]]:
    """Each recorded apply to a Deployment with the object as it was before."""
    found = []
    live: dict[str, Object] = {}
    for each in exchanges("03-server-side-apply"):
        request, response = each["request"], each["response"]
        body, path = response.get("body") or {}, request["path"]
        name = path.partition("?")[0].rpartition("/")[2]
        stored = "dryRun" not in path and response["status"] in (200, 201)
        applies = request["headers"].get("Content-Type") == "application/apply-patch+yaml"
        noted = "managedFields" in body.get("metadata", {})  # the recorder left them out of some answers
        told = (stored and noted) or body.get("message", "").startswith("Apply failed")
        if applies and told and "/deployments/" in path:
            found.append((each["n"], live.get(name), each))
        if stored and noted and body.get("kind") == "Deployment":
            live[body["metadata"]["name"]] = body
    return found


def owners(obj: Object) -> dict[tuple[str, str], Object]:
    entries = obj["metadata"]["managedFields"]
    return {(e["manager"], e["operation"]): e["fieldsV1"] for e in entries if e["manager"] in OWNERS}


@pytest.mark.parametrize(("live", "recorded"), [pytest.param(live, each, id=f"{n}") for n, live, each in cases()])
def test_owners_and_conflicts_are_the_real_servers(live: Object | None, recorded: Object) -> None:
    request, response = recorded["request"], recorded["response"]
    text = request.get("bodyText")
    config = next(yaml.safe_load_all(text)) if text else request["body"]
    manager = re.search("fieldManager=([^&]+)", request["path"])
    assert manager is not None
    force = "force=true" in request["path"]
    if response["status"] == 409:
        with pytest.raises(ApiError) as refusal:
            apply(DEPLOYMENT, live, config, manager[1], force=force)
        assert refusal.value.body() == response["body"]
        return
    applied = apply(DEPLOYMENT, live, config, manager[1], force=force)
    assert owners(applied) == owners(response["body"])


def test_a_second_manager_conflicts_until_it_forces(client: Client, namespace: str) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/web"
    client.apply(path, deployment())
    answer = client.apply(path, deployment(replicas=5), "other")
    assert answer.status == 409
    assert [cause["field"] for cause in answer.body["details"]["causes"]] == [".spec.replicas"]
    assert client.apply(path, deployment(replicas=5), "other", "&force=true").body["spec"]["replicas"] == 5
    assert client.apply(path, deployment(replicas=2)).status == 409


def test_a_scale_is_told_as_the_conflict(client: Client, namespace: str) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/web"
    client.apply(path, deployment())
    assert client.merge(f"{path}/scale?fieldManager=hpa", {"spec": {"replicas": 4}}).body["spec"] == {"replicas": 4}
    message = client.apply(path, deployment()).body["message"]
    assert message == (
        'Apply failed with 1 conflict: conflict with "hpa" with subresource "scale" using apps/v1: .spec.replicas'
    )


def test_the_same_apply_twice_writes_nothing(client: Client, namespace: str) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/web"
    first = client.apply(path, deployment())
    second = client.apply(path, deployment())
    assert (first.status, second.status) == (201, 200)
    assert first.body["metadata"] == second.body["metadata"]


def test_a_dry_run_keeps_nothing(client: Client, namespace: str) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/web"
    answer = client.apply(path, deployment(), more="&dryRun=All")
    assert answer.status == 201
    assert "resourceVersion" not in answer.body["metadata"]
    assert client.get(path).status == 404


def test_what_is_no_longer_stated_goes_and_defaults_come_back(client: Client, namespace: str) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/web"
    client.apply(path, deployment(revisionHistoryLimit=3, minReadySeconds=5))
    spec = client.apply(path, deployment()).body["spec"]
    assert spec["revisionHistoryLimit"] == 10
    assert "minReadySeconds" not in spec


def test_a_controllers_annotation_survives_our_last_one(client: Client, namespace: str, api_host: Running) -> None:
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/web"
    annotated = deployment()
    annotated["metadata"]["annotations"] = {"slipway/release": "1"}
    client.apply(path, annotated)
    store = api_host.servers[0].store

    def annotate() -> None:
        obj = store.get("deployments.apps", namespace, "web")
        obj["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = "1"
        store.update("deployments.apps", obj, status=True)

    api_host.call(annotate)
    kept = client.apply(path, deployment()).body["metadata"]["annotations"]
    assert kept == {"deployment.kubernetes.io/revision": "1"}


names = st.sampled_from(["a", "b", "c"])
values = st.sampled_from(["1", "2", "3"])
variables = st.lists(
    st.builds(lambda name, value: {"name": name, "value": value}, names, values), max_size=3,
    unique_by=lambda each: each["name"],
)  # fmt: skip


@st.composite
def configurations(draw: st.DrawFn) -> Object:
    config = deployment(replicas=draw(st.integers(0, 3)))
    if environment := draw(variables):
        config["spec"]["template"]["spec"]["containers"][0]["env"] = environment
    if annotations := draw(st.dictionaries(names, values, max_size=3)):
        config["metadata"]["annotations"] = annotations
    return config


def plain(obj: Object) -> Object:
    return {**obj, "metadata": {k: v for k, v in obj["metadata"].items() if k != "managedFields"}}


@given(configurations(), configurations())
def test_one_manager_alone_always_gets_what_it_states(first: Object, second: Object) -> None:
    live = apply(DEPLOYMENT, None, first, "slipway", force=False)
    after = apply(DEPLOYMENT, live, second, "slipway", force=False)
    node = node_of(DEPLOYMENT)
    assert typed.paths_of(node, plain(after)) == typed.paths_of(node, second)
    again = apply(DEPLOYMENT, after, second, "slipway", force=False)
    assert again == after


@given(configurations(), configurations())
def test_conflicts_are_the_fields_that_two_managers_see_differently(first: Object, second: Object) -> None:
    live = apply(DEPLOYMENT, None, first, "one", force=False)
    node = node_of(DEPLOYMENT)
    before, wanted = typed.flatten(node, first, containers=False), typed.flatten(node, second, containers=False)
    differing = {typed.readable(path) for path in before.keys() & wanted.keys() if before[path] != wanted[path]}
    if differing:
        with pytest.raises(ApiError) as refusal:
            apply(DEPLOYMENT, live, second, "two", force=False)
        assert {cause["field"] for cause in refusal.value.body()["details"]["causes"]} == differing
    else:
        after = apply(DEPLOYMENT, live, second, "two", force=False)
        assert before.keys() | wanted.keys() == typed.paths_of(node, plain(after))


@given(configurations(), configurations())
def test_fields_survive_their_encoding(first: Object, second: Object) -> None:
    live = apply(DEPLOYMENT, None, first, "slipway", force=False)
    changed = {**second, "metadata": {**second["metadata"], "managedFields": live["metadata"]["managedFields"]}}
    track_update(DEPLOYMENT, live, changed, "editor")
    for entry in changed["metadata"]["managedFields"]:
        assert typed.to_fields(typed.from_fields(entry["fieldsV1"])) == entry["fieldsV1"]
