"""What differs between what is there and what a dry run answers, with a real server's objects."""

from __future__ import annotations

from typing import Any

from apps.integrations.kubernetes import ownership
from apps.integrations.kubernetes.changes import compare, foreign_fields
from apps.integrations.kubernetes.field_paths import ABSENT

from .recordings import body

APPLY = "03-server-side-apply"


def test_a_dry_run_s_answer_differs_by_what_was_asked_for() -> None:
    changes = compare(body(APPLY, 17), body(APPLY, 20))
    assert [(change.path, change.old, change.new, change.ours) for change in changes] == [
        (".spec.minReadySeconds", ABSENT, 7, True)
    ]


def test_what_only_the_server_wrote_is_no_change() -> None:
    assert compare(body(APPLY, 2), body(APPLY, 3)) == []
    assert compare(body(APPLY, 1), body(APPLY, 2)) == [], "status, revision and versions are nobody's wish"


def test_a_row_that_is_dropped_is_ours_and_its_default_is_the_cluster_s() -> None:
    old, new = _pod("x", {"name": "A", "value": "1"}), _pod("y")
    old["metadata"]["managedFields"] = [_applied({'k:{"name":"A"}': {".": {}, "f:name": {}, "f:value": {}}})]
    new["metadata"]["managedFields"] = [_applied(None)]
    new["spec"]["terminationGracePeriodSeconds"] = 30
    changes = {change.path: (change.old, change.new, change.ours) for change in compare(old, new)}
    assert changes == {
        '.spec.containers[name="web"].env': ([{"name": "A", "value": "1"}], ABSENT, True),
        '.spec.containers[name="web"].image': ("x", "y", True),
        ".spec.terminationGracePeriodSeconds": (ABSENT, 30, False),
    }


def test_rows_in_another_order_are_a_change_of_the_list() -> None:
    rows = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    old, new = _pod("x", *rows), _pod("x", *reversed(rows))
    marks = {'k:{"name":"A"}': {"f:name": {}, "f:value": {}}, 'k:{"name":"B"}': {"f:name": {}, "f:value": {}}}
    for each in (old, new):
        each["metadata"]["managedFields"] = [_applied(marks)]
    assert [change.path for change in compare(old, new)] == ['.spec.containers[name="web"].env']


def test_fields_of_others_are_told_apart() -> None:
    live = body(APPLY, 80)
    foreign = {each.path: each for each in foreign_fields(live, ownership.applied_by(live, "slipway"))}
    old = '.spec.template.spec.containers[name="web"].env[name="OLD"].value'
    assert (foreign[old].value, foreign[old].manager, foreign[old].by_hand) == ("1", "kubectl-client-side-apply", True)
    assert foreign[old].at == "2026-11-22T23:21:55Z"
    assert ".metadata.annotations.kubectl.kubernetes.io/last-applied-configuration" in foreign
    assert '.spec.template.spec.containers[name="web"].image' not in foreign
    assert not [path for path in foreign if path.startswith((".status", ".metadata.annotations.deployment."))]


def test_a_number_of_pods_that_an_autoscaler_set_is_its() -> None:
    live = body(APPLY, 17)
    [replicas] = [
        each for each in foreign_fields(live, ownership.applied_by(live, "slipway")) if each.path == ".spec.replicas"
    ]
    assert (replicas.value, replicas.manager, replicas.subresource, replicas.by_hand) == (
        4,
        "autoscaler",
        "scale",
        False,
    )


def _pod(image: str, *env: dict[str, Any]) -> dict[str, Any]:
    container: dict[str, Any] = {"name": "web", "image": image} | ({"env": list(env)} if env else {})
    return {"metadata": {"name": "web"}, "spec": {"containers": [container]}}


def _applied(env: dict[str, Any] | None) -> dict[str, Any]:
    inside: dict[str, Any] = {".": {}, "f:name": {}, "f:image": {}} | ({"f:env": env} if env else {})
    fields = {"f:spec": {"f:containers": {'k:{"name":"web"}': inside}}}
    return {"manager": "slipway", "operation": "Apply", "apiVersion": "v1", "fieldsV1": fields}
