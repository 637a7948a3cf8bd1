"""Drift, pure: what counts as a difference, who is named for it, and that no secret is ever part of the answer."""

from __future__ import annotations

import copy
import json
from typing import Any

import yaml
from hypothesis import given
from hypothesis import strategies as st

from apps.deployments.drift.comparing import ADDED, CHANGED, EXTRA, MISSING, REMOVED, compare, compare_sets
from apps.deployments.drift.ownership import Ownership, leaves, write_path
from tests.integrations.kubernetes.recordings import body, exchanges

SET_AT, CHANGED_AT = "2026-11-20T10:00:00Z", "2026-11-21T10:00:00Z"
ROW_KEYS = {"containers": ["name"], "env": ["name"], "ports": ["containerPort", "protocol"]}
ATOMIC = {"selector", "args"}


def fields_of(value: Any, name: str = "") -> dict[str, Any]:
    """Return fieldsV1 of what an apply says, as a server writes it down."""
    if name in ATOMIC or not isinstance(value, dict | list) or not value:
        return {}
    if isinstance(value, list):
        marks = {}
        for row in value:
            key = json.dumps({each: row[each] for each in ROW_KEYS[name]}, separators=(",", ":"))
            marks[f"k:{key}"] = {".": {}, **fields_of(row)}
        return marks
    return {f"f:{key}": fields_of(inner, key) for key, inner in value.items()}


def entry(
    manager: str, said: dict[str, Any], at: str = SET_AT, operation: str = "Apply", subresource: str = ""
) -> dict[str, Any]:
    made = {
        "manager": manager,
        "operation": operation,
        "time": at,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields_of(said),
    }
    return made | ({"subresource": subresource} if subresource else {})


def wanted() -> dict[str, Any]:
    container = {
        "name": "app",
        "image": "registry/app@sha256:aa",
        "args": ["serve", "--port=8080"],
        "env": [
            {"name": "GREETING", "value": "hello"},
            {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "web-secrets-1", "key": "PASSWORD"}}},
        ],
        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
        "resources": {"limits": {"cpu": "500m", "memory": "256Mi"}},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}},
        },
    }


def said_by_slipway() -> dict[str, Any]:
    said = {key: part for key, part in wanted().items() if key in ("metadata", "spec")}
    return {"metadata": {"labels": said["metadata"]["labels"]}, "spec": said["spec"]}


def live(*others: dict[str, Any], **status: Any) -> dict[str, Any]:
    """Return the object as a server has it: with defaults, status and the entries of whoever wrote to it."""
    item = copy.deepcopy(wanted())
    item["metadata"] |= {
        "uid": "1",
        "resourceVersion": "7",
        "generation": 3,
        "annotations": {"deployment.kubernetes.io/revision": "3"},
        "managedFields": [
            entry("slipway", said_by_slipway()),
            entry(
                "kube-controller-manager",
                {"metadata": {"annotations": {"deployment.kubernetes.io/revision": "3"}}, "status": {"replicas": 2}},
                operation="Update",
                subresource="status",
            ),
            *others,
        ],
    }
    item["spec"]["template"]["spec"] |= {"restartPolicy": "Always", "dnsPolicy": "ClusterFirst"}
    item["spec"]["template"]["spec"]["containers"][0]["terminationMessagePath"] = "/dev/termination-log"
    item["status"] = {"replicas": 2, **status}
    return item


def app(item: dict[str, Any]) -> dict[str, Any]:
    return item["spec"]["template"]["spec"]["containers"][0]  # type: ignore[no-any-return]


def disown(item: dict[str, Any], *path: str) -> None:
    """Take a field out of Slipway's entry, as the server does when somebody else changes it."""
    nodes = [item["metadata"]["managedFields"][0]["fieldsV1"]]
    for step in path[:-1]:
        nodes.append(nodes[-1][step])
    for node, step in reversed(list(zip(nodes, path, strict=True))):
        del node[step]
        if node:
            return  # an empty rest would read as the whole of it


CONTAINER = ("f:spec", "f:template", "f:spec", "f:containers", 'k:{"name":"app"}')


def test_an_untouched_object_has_not_drifted() -> None:
    assert compare(wanted(), live()) == []


def test_a_changed_field_names_who_and_when() -> None:
    change = {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "evil"}]}}}}
    item = live(entry("kubectl-set", change, CHANGED_AT, "Update"))
    app(item)["image"] = "evil"
    disown(item, *CONTAINER, "f:image")
    [drift] = compare(wanted(), item)
    assert (drift.what, drift.path) == (CHANGED, '.spec.template.spec.containers[name="app"].image')
    assert (drift.wanted, drift.live) == ("registry/app@sha256:aa", "evil")
    assert (drift.manager, drift.operation, drift.at) == ("kubectl-set", "Update", CHANGED_AT)


def test_a_removed_field_has_no_name_to_give() -> None:
    item = live()
    del app(item)["resources"]["limits"]["memory"]
    disown(item, *CONTAINER, "f:resources", "f:limits", "f:memory")
    [drift] = compare(wanted(), item)
    assert (drift.what, drift.wanted, drift.manager) == (REMOVED, "256Mi", "")
    assert drift.path.endswith(".resources.limits.memory")


def test_what_others_put_in_is_named_row_by_row() -> None:
    row = {"name": "DEBUG", "value": "1"}
    item = live(
        entry(
            "kubectl-edit",
            {"spec": {"template": {"spec": {"containers": [{"name": "app", "env": [row]}]}}}},
            CHANGED_AT,
            "Update",
        )
    )
    app(item)["env"].append(row)
    [drift] = compare(wanted(), item)
    assert (drift.what, drift.live, drift.manager) == (ADDED, row, "kubectl-edit")
    assert drift.path == '.spec.template.spec.containers[name="app"].env[name="DEBUG"]'


def test_a_list_that_is_one_value_differs_as_one() -> None:
    change = {"spec": {"template": {"spec": {"containers": [{"name": "app", "args": ["serve"]}]}}}}
    item = live(entry("kubectl-edit", change, CHANGED_AT, "Update"))
    app(item)["args"] = ["serve"]
    disown(item, *CONTAINER, "f:args")
    [drift] = compare(wanted(), item)
    assert (drift.what, drift.live, drift.manager) == (CHANGED, ["serve"], "kubectl-edit")


def test_an_autoscalers_replicas_and_our_own_scale_are_no_drift() -> None:
    for manager in ("kube-controller-manager", "slipway-scale"):
        item = live(entry(manager, {"spec": {"replicas": 5}}, CHANGED_AT, "Update", "scale"))
        item["spec"]["replicas"] = 5
        disown(item, "f:spec", "f:replicas")
        assert compare(wanted(), item) == []
    by_hand = live(entry("kubectl", {"spec": {"replicas": 5}}, CHANGED_AT, "Update", "scale"))
    by_hand["spec"]["replicas"] = 5
    disown(by_hand, "f:spec", "f:replicas")
    [drift] = compare(wanted(), by_hand)
    assert (drift.path, drift.manager, drift.subresource) == (".spec.replicas", "kubectl", "scale")


def test_a_restart_is_no_drift_whoever_asked_for_it() -> None:
    annotations = {"kubectl.kubernetes.io/restartedAt": "2026-11-21T10:00:00Z"}
    for manager in ("slipway-restart", "kubectl-rollout"):
        change = {"spec": {"template": {"metadata": {"annotations": annotations}}}}
        item = live(entry(manager, change, CHANGED_AT, "Update"))
        item["spec"]["template"]["metadata"]["annotations"] = annotations
        assert compare(wanted(), item) == []


def test_what_the_server_or_a_webhook_spells_differently_is_no_drift() -> None:
    item = live()
    app(item)["resources"]["limits"]["cpu"] = "0.5"  # still owned by slipway: it is what was applied
    webhook = live(entry("slipway", {"spec": {"replicas": 3}}, CHANGED_AT, "Update"))
    webhook["spec"]["replicas"] = 3
    disown(webhook, "f:spec", "f:replicas")
    assert compare(wanted(), item) == compare(wanted(), webhook) == []


def test_empty_values_that_the_server_drops_are_no_drift_but_an_empty_label_is() -> None:
    said = wanted()
    said["spec"]["minReadySeconds"] = 0
    said["metadata"]["labels"]["quiet"] = ""
    [drift] = compare(said, live())
    assert (drift.what, drift.path) == (REMOVED, ".metadata.labels.quiet")


def test_a_secret_is_only_said_to_have_changed() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"PASSWORD": "b2xk"}}
    item = copy.deepcopy(secret)
    item["data"] = {"PASSWORD": "bmV3", "OTHER": "bW9yZQ=="}
    item["metadata"]["managedFields"] = [entry("kubectl-edit", {"data": item["data"]}, CHANGED_AT, "Update")]
    drifts = compare(secret, item)
    assert [(drift.what, drift.hidden, drift.wanted, drift.live) for drift in drifts] == [
        (ADDED, True, None, None),
        (CHANGED, True, None, None),
    ]
    assert "bmV3" not in str(drifts)


def test_a_secret_variable_that_became_plain_text_is_not_shown() -> None:
    row = {"name": "PASSWORD", "value": "hunter2"}
    change = {"spec": {"template": {"spec": {"containers": [{"name": "app", "env": [row]}]}}}}
    item = live(entry("kubectl-edit", change, CHANGED_AT, "Update"))
    app(item)["env"][1] = row
    drifts = compare(wanted(), item)
    assert {drift.what for drift in drifts} == {REMOVED, ADDED}
    assert all(drift.hidden for drift in drifts)
    assert "hunter2" not in str(drifts)


def test_objects_that_are_missing_or_should_not_be_there() -> None:
    ours, foreign, dying = live(), live(), live()
    ours["metadata"]["name"], foreign["metadata"]["name"] = "old", "by-hand"
    foreign["metadata"]["managedFields"] = [entry("kubectl-create", said_by_slipway(), operation="Update")]
    dying["metadata"]["deletionTimestamp"] = CHANGED_AT
    found = compare_sets([wanted()], [ours, foreign, dying])
    assert [(drift.name, drift.what) for drift in found] == [("web", MISSING), ("old", EXTRA)]


names = st.sampled_from(["image", "replicas", "cpu", "GREETING", "label"])


@given(st.sets(names))
def test_exactly_the_changed_fields_are_found(changed: set[str]) -> None:
    item, mine = live(), {}
    spec = item["spec"]
    container = {"name": "app"}
    if "replicas" in changed:
        spec["replicas"], mine["replicas"] = 9, 9
        disown(item, "f:spec", "f:replicas")
    if "image" in changed:
        app(item)["image"] = container["image"] = "other"
        disown(item, *CONTAINER, "f:image")
    if "cpu" in changed:
        app(item)["resources"]["limits"]["cpu"] = "2"
        container |= {"resources": {"limits": {"cpu": "2"}}}
        disown(item, *CONTAINER, "f:resources", "f:limits", "f:cpu")
    if "GREETING" in changed:
        app(item)["env"][0]["value"] = "bye"
        container |= {"env": [{"name": "GREETING", "value": "bye"}]}
        disown(item, *CONTAINER, "f:env", 'k:{"name":"GREETING"}', "f:value")
    change: dict[str, Any] = {"spec": {**mine, "template": {"spec": {"containers": [container]}}}}
    if "label" in changed:
        item["metadata"]["labels"]["app"] = "other"
        change["metadata"] = {"labels": {"app": "other"}}
        disown(item, "f:metadata", "f:labels", "f:app")
    item["metadata"]["managedFields"].append(entry("somebody", change, CHANGED_AT, "Update"))
    found = compare(wanted(), item)
    ends = {"image": ".image", "replicas": ".replicas", "cpu": ".cpu", "GREETING": ".value", "label": ".labels.app"}
    assert len(found) == len(changed)
    assert all(any(drift.path.endswith(ends[name]) for drift in found) for name in changed)
    assert {drift.manager for drift in found} <= {"somebody"}
    # Brought back to what was applied, nothing is left to say.
    assert compare(item, item) == []


@given(
    st.recursive(st.integers(), lambda inner: st.dictionaries(st.text(max_size=4), inner, max_size=4), max_leaves=12)
)
def test_every_leaf_is_owned_by_who_said_it(value: Any) -> None:
    said = {"spec": value} if isinstance(value, dict) else {"spec": {"a": value}}
    item = {"metadata": {"managedFields": [entry("one", said)]}}
    ownership = Ownership(item)
    for path in leaves(fields_of(said)):
        assert [owner.manager for owner in ownership.owners(path)] == ["one"]
        assert write_path(path).startswith(".spec")


def test_a_real_server_tells_who_forced_which_fields() -> None:
    applied = yaml.safe_load(exchanges("03-server-side-apply")[6]["request"]["bodyText"])
    assert compare(applied, body("03-server-side-apply", 6)) == []
    drifts = {drift.path: drift for drift in compare(applied, body("03-server-side-apply", 10))}
    assert set(drifts) == {".spec.replicas", '.spec.template.spec.containers[name="web"].image'}
    assert {(drift.what, drift.manager, drift.operation) for drift in drifts.values()} == {(CHANGED, "other", "Apply")}
    assert all(drift.at for drift in drifts.values())
