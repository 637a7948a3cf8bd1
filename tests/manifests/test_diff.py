from __future__ import annotations

import copy
from typing import Any

from hypothesis import given

from apps.manifests import sealing
from apps.manifests.diff import HIDDEN, Kind, diff_live, diff_sets, redact
from apps.manifests.overrides import merge
from apps.manifests.sealing import SecretReferences, fingerprint
from tests.manifests.documents import APPLICATION, FULL, IMAGE, SECRETS, TARGET, documents
from tests.manifests.test_render import render, rendered, spec_of

SMALL: dict[str, Any] = {
    "ports": [{"name": "http", "port": 8080}],
    "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
    "files": [{"path": "/etc/app/a", "content": "one\n"}],
}


@given(documents())
def test_a_set_does_not_differ_from_itself(document: dict[str, Any]) -> None:
    assert diff_sets(rendered(document), list(reversed(rendered(document)))) == []


@given(documents(), documents())
def test_what_is_added_one_way_is_removed_the_other(first: dict[str, Any], second: dict[str, Any]) -> None:
    def kinds(old: dict[str, Any], new: dict[str, Any]) -> dict[tuple[str, str], Kind]:
        changes = diff_sets(rendered(old), rendered(new))
        return {(change.object_kind, change.name.rpartition("-")[0]): change.kind for change in changes}

    mirrored = {Kind.ADDED: Kind.REMOVED, Kind.REMOVED: Kind.ADDED, Kind.CHANGED: Kind.CHANGED}
    assert kinds(first, second) == {key: mirrored[kind] for key, kind in kinds(second, first).items()}


def test_changes_are_named_by_field() -> None:
    changed = merge(SMALL, {"replicas": 4, "env": [{"name": "A", "value": "3"}, {"name": "B", "remove": True}]})
    (change,) = diff_sets(rendered(SMALL), rendered(changed))
    env = "spec.template.spec.containers.app.env"
    assert {(one.path, one.kind, one.old, one.new) for one in change.fields if one.path != f"{env}.B"} == {
        ("spec.replicas", Kind.CHANGED, 2, 4),
        (f"{env}.A.value", Kind.CHANGED, "1", "3"),
    }
    assert [one.kind for one in change.fields if one.path == f"{env}.B"] == [Kind.REMOVED]


def test_a_changed_file_is_a_change_not_a_pair() -> None:
    changed = {**SMALL, "files": [{"path": "/etc/app/a", "content": "two\n"}]}
    changes = diff_sets(rendered(SMALL), rendered(changed))
    assert [(change.object_kind, change.kind) for change in changes] == [
        ("Deployment", Kind.CHANGED),
        ("ConfigMap", Kind.CHANGED),
    ]
    assert "data.etc__app__a" in str([one.path for one in changes[1].fields]).replace('["', ".").replace('"]', "")


def test_objects_come_and_go() -> None:
    with_ingress = {**SMALL, "ingress": {}}
    (added,) = diff_sets(rendered(SMALL), rendered(with_ingress))
    assert (added.kind, added.object_kind, added.old_yaml) == (Kind.ADDED, "Ingress", "")
    (removed,) = diff_sets(rendered(with_ingress), rendered(SMALL))
    assert (removed.kind, removed.new_yaml) == (Kind.REMOVED, "")


def test_a_secret_value_is_never_shown() -> None:
    references = {**SECRETS.references, "DB_PASSWORD": "environment:production/DB_PASSWORD@4"}
    other = SecretReferences(fingerprint(b"key", {"DB_PASSWORD": "new"}), references)
    new = render(spec_of(FULL), application=APPLICATION, target=TARGET, image=IMAGE, secrets=other)
    values = dict.fromkeys([*SECRETS.references.values(), *references.values()], "hunter2")
    for old, wanted in (
        (rendered(FULL), new),
        (sealing.bind_secrets(rendered(FULL), values), sealing.bind_secrets(new, values)),
    ):
        change = next(one for one in diff_sets(old, wanted) if one.object_kind == "Secret")
        shown = str(change)
        assert "hunter2" not in shown
        assert "aHVudGVyMg" not in shown
    hidden = [one for one in diff_sets(rendered(FULL), new)[-1].fields if one.hidden]
    assert [(one.path, one.old, one.new) for one in hidden] == [("data.DB_PASSWORD", None, None)]


def test_redaction_hides_values_and_kubectls_copy() -> None:
    live = {
        "kind": "Secret",
        "metadata": {"name": "x", "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "c2VjcmV0"}},
        "data": {"a": "c2VjcmV0"},
        "stringData": {"b": "secret"},
    }
    assert redact(live)["data"] == {"a": HIDDEN}
    assert "c2VjcmV0" not in str(redact(live))
    assert "secret" not in str(redact(live)["stringData"])


def _live(manifests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what a server would have after applying: defaults, status, managed fields, bound secrets."""
    values = dict.fromkeys(sealing.list_references(manifests), "v")
    live = copy.deepcopy(sealing.bind_secrets(manifests, values))
    for one in live:
        one["metadata"] |= {"uid": "u", "resourceVersion": "7", "generation": 2, "creationTimestamp": "2026-01-01"}
        one["status"] = {"anything": 1}
        if one["kind"] == "Deployment":
            one["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "3"}
            one["spec"]["template"]["spec"] |= {"dnsPolicy": "ClusterFirst", "schedulerName": "default-scheduler"}
            container = one["spec"]["template"]["spec"]["containers"][0]
            container["terminationMessagePath"] = "/dev/termination-log"
            for variable in container["env"]:
                if "fieldRef" in variable.get("valueFrom", {}):
                    variable["valueFrom"]["fieldRef"]["apiVersion"] = "v1"
    return live


@given(documents())
def test_a_freshly_applied_set_does_not_differ_from_live(document: dict[str, Any]) -> None:
    assert diff_live(_live(rendered(document)), rendered(document)) == []


def test_drift_is_found() -> None:
    live = _live(rendered(SMALL))
    live[0]["spec"]["replicas"] = 9
    (change,) = diff_live(live, rendered(SMALL))
    assert [(one.path, one.old, one.new) for one in change.fields] == [("spec.replicas", 9, 2)]


def test_a_field_we_own_and_no_longer_want_is_found() -> None:
    before = {**SMALL, "progress_deadline": 99, "env": [*SMALL["env"], {"name": "OLD", "value": "x"}]}
    live = _live(rendered(before))
    containers = {'k:{"name":"app"}': {"f:env": {'k:{"name":"OLD"}': {".": {}, "f:name": {}, "f:value": {}}}}}
    owned = {"f:spec": {"f:template": {"f:spec": {"f:containers": containers}}}}
    live[0]["metadata"]["managedFields"] = [{"manager": "slipway", "operation": "Apply", "fieldsV1": owned}]
    live[0]["spec"]["template"]["spec"]["containers"][0]["env"].append({"name": "THEIRS", "value": "y"})
    (change,) = diff_live(live, rendered(SMALL))
    found = {one.path.rpartition(".")[2]: one.kind for one in change.fields}
    assert found == {"progressDeadlineSeconds": Kind.CHANGED, "OLD": Kind.REMOVED}


def test_an_object_that_is_not_there_yet_is_added() -> None:
    changes = diff_live([], rendered(SMALL))
    assert {change.kind for change in changes} == {Kind.ADDED}
