"""Who may come through which door, what the pages say, and what lists cost."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts.roles import Action, allows
from apps.audit.models import AuditEntry
from apps.deployments import selectors, services
from apps.deployments.models import Deployment, DeploymentEntry, Status
from tests import factories
from tests.deployments.rows import Rows, browser, make

ROLES = ["owner", "developer", "tester", "approver", "viewer", "platform_admin"]
READS = ["", "{n}/", "{n}/fragment/", "{n}/workload/", "{n}/manifests/"]
API_READS = ["", "{n}/", "{n}/manifests/"]


@pytest.fixture
def rows(db: None, settings: Any) -> Rows:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # eight people a test
    return make()


def page(rows: Rows, rest: str, deployment: Deployment) -> str:
    return f"{rows.application.get_absolute_url()}deployments/" + rest.format(n=deployment.number)


def api(rows: Rows, rest: str, deployment: Deployment) -> str:
    return "/api/v1" + page(rows, rest, deployment)


def may(role: str, action: Action) -> bool:
    return allows("owner" if role == "platform_admin" else role, action)


@pytest.mark.parametrize("role", ROLES)
def test_members_may_look(rows: Rows, role: str) -> None:
    deployment = rows.deployment()
    client = browser(getattr(rows.people, role))
    assert {rest: client.get(page(rows, rest, deployment)).status_code for rest in READS} == dict.fromkeys(READS, 200)
    assert {client.get(api(rows, rest, deployment)).status_code for rest in API_READS} == {200}


def test_strangers_find_nothing(rows: Rows) -> None:
    deployment = rows.deployment()
    client = browser(rows.people.stranger)
    assert {client.get(page(rows, rest, deployment)).status_code for rest in [*READS, "{n}/rollback/"]} == {404}
    assert {client.get(api(rows, rest, deployment)).status_code for rest in API_READS} == {404}
    for rest in ("{n}/rollback/", "{n}/cancel/"):
        assert client.post(page(rows, rest, deployment)).status_code == 404
        assert client.post(api(rows, rest, deployment)).status_code == 404
    assert Deployment.objects.count() == 1


def test_nobody_sees_anything_without_signing_in(rows: Rows) -> None:
    deployment = rows.deployment()
    assert {Client().get(page(rows, rest, deployment)).status_code for rest in READS} == {302}
    assert {Client().get(api(rows, rest, deployment)).status_code for rest in API_READS} == {401}


@pytest.mark.parametrize("role", ROLES)
def test_only_those_who_may_roll_back_or_stop(rows: Rows, role: str) -> None:
    good = rows.deployment()
    client = browser(getattr(rows.people, role))
    back = may(role, Action.ROLLBACK)
    assert client.get(page(rows, "{n}/rollback/", good)).status_code == (200 if back else 403)
    assert client.post(page(rows, "{n}/rollback/", good)).status_code == (302 if back else 403)
    assert client.post(api(rows, "{n}/rollback/", good), {}, content_type="application/json").status_code == (
        201 if back else 403
    )
    assert Deployment.objects.filter(kind="rollback").count() == (2 if back else 0)

    Deployment.objects.exclude(pk=good.pk).update(status=Status.SUPERSEDED)
    stop = may(role, Action.DEPLOY)
    running = rows.deployment(Status.PROGRESSING)
    assert client.post(page(rows, "{n}/cancel/", running)).status_code == (302 if stop else 403)
    running.refresh_from_db()
    assert (running.cancel_requested_at is not None) is stop
    assert client.post(api(rows, "{n}/cancel/", running)).status_code == (409 if stop else 403)


def test_production_asks_for_the_name(rows: Rows) -> None:
    rows.target.environment.stage = "production"
    rows.target.environment.save()
    good = rows.deployment()
    client = browser(rows.people.owner)
    for typed in ({}, {"confirm_name": "other", "note": "because"}):
        refused = client.post(page(rows, "{n}/rollback/", good), typed)
        assert refused.status_code == 422
    assert b'value="because"' in refused.content
    assert client.post(page(rows, "{n}/rollback/", good), {"confirm_name": rows.application.slug}).status_code == 302
    assert Deployment.objects.filter(kind="rollback").count() == 1


def test_what_never_ran_is_no_way_back(rows: Rows) -> None:
    failed = rows.deployment(Status.FAILED)
    client = browser(rows.people.owner)
    assert client.get(page(rows, "{n}/rollback/", failed)).status_code == 409
    answer = client.post(api(rows, "{n}/rollback/", failed), {}, content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "deployment.never_succeeded")


def test_the_api_tells_cause_entries_and_bytes(rows: Rows) -> None:
    deployment = rows.deployment(Status.FAILED)
    params = {"container": "app", "exit_code": 3, "restarts": 4}
    Deployment.objects.filter(pk=deployment.pk).update(cause_code="pod.crash_loop", cause_params=params)
    client = browser(rows.people.viewer)
    body = client.get(api(rows, "{n}/", deployment)).json()
    assert body["cause"]["message"] == "Container app crashes: exit code 3, restarts: 4."
    assert [entry["code"] for entry in body["entries"]] == ["deployment.requested"]
    raw = client.get(api(rows, "{n}/manifests/", deployment))
    assert raw.headers["X-Content-SHA256"] == body["sha256"]
    assert raw.content == bytes(selectors.final_stage(deployment).manifest_set.content)


def test_the_list_of_one_target(rows: Rows) -> None:
    rows.deployment()
    client = browser(rows.people.viewer)
    url = api(rows, "", rows.deployment())
    place = f"{rows.target.environment.slug}/{rows.target.slug}"
    assert client.get(url, {"target": place}).json()["count"] == 2
    assert client.get(url, {"target": "no/where"}).status_code == 404
    assert client.get(url, {"target": "nonsense"}).status_code == 404


@pytest.mark.parametrize("door", [page, api])
def test_lists_cost_the_same_however_long(rows: Rows, door: Any, django_assert_max_num_queries: Any) -> None:
    first = rows.deployment()
    client = browser(rows.people.viewer)
    url = door(rows, "", first)
    client.get(url)
    with django_assert_max_num_queries(30) as few:
        client.get(url)
    for index in range(6):
        rows.deployment(replicas=index + 2)
    with django_assert_max_num_queries(len(few.captured_queries)):
        client.get(url)


def test_a_long_timeline_costs_the_same(rows: Rows, django_assert_max_num_queries: Any) -> None:
    deployment = rows.deployment()
    client = browser(rows.people.viewer)
    url = page(rows, "{n}/fragment/", deployment)
    client.get(url)
    with django_assert_max_num_queries(30) as few:
        client.get(url)
    for index in range(20):
        DeploymentEntry.objects.create(deployment=deployment, code="deployment.ready", params={"ready": index})
        rows.deployment(replicas=index + 1)
    with django_assert_max_num_queries(len(few.captured_queries)):
        client.get(url)


def test_the_matrix_is_four_queries(rows: Rows, django_assert_num_queries: Any) -> None:
    good = rows.deployment()
    failed = rows.deployment(Status.FAILED, replicas=2)
    environments = [type(rows.target.environment).objects.prefetch_related("targets__cluster").get()]
    with django_assert_num_queries(4):
        (cell,) = selectors.matrix([rows.application], environments)[rows.application.pk]
        assert (cell.live, cell.active, cell.last, cell.trouble) == (good, None, failed, failed)
        assert cell.live.target.cluster.name
    running = rows.deployment(Status.PROGRESSING, replicas=3)
    (cell,) = selectors.matrix([rows.application], environments)[rows.application.pk]
    assert (cell.active, cell.trouble) == (running, None)


def test_rollback_points_are_versions_not_repetitions(rows: Rows) -> None:
    first = rows.deployment(replicas=3)
    rows.deployment(replicas=4)
    again = rows.deployment(replicas=3)
    points = selectors.rollback_points(rows.application, rows.target)
    assert [point.number for point in points] == [again.number - 1]
    rows.deployment(Status.FAILED, replicas=5)
    assert [point.number for point in selectors.rollback_points(rows.application, rows.target)] == [3, 2]
    assert first.number == 1


def test_a_dead_cluster_does_not_hold_up_the_page(rows: Rows) -> None:
    deployment = rows.deployment(Status.PROGRESSING)
    client = browser(rows.people.viewer)
    began = timezone.now()
    answer = client.get(page(rows, "{n}/workload/", deployment))
    assert "The cluster cannot be asked" in answer.content.decode()
    assert (timezone.now() - began).total_seconds() < 5
    assert "data-fragment" in client.get(page(rows, "{n}/", deployment)).content.decode()


def test_the_pages_in_every_state(rows: Rows) -> None:
    client = browser(rows.people.owner)
    for index, status in enumerate(Status.values):
        deployment = rows.deployment(status, replicas=index + 1)
        Deployment.objects.filter(pk=deployment.pk).update(
            cause_code="apply.conflict" if status == Status.FAILED else "",
            cause_params={
                "object": "Service/a",
                "managers": "hpa",
                "conflicts": [{"manager": "hpa", "field": ".spec"}],
            },
            evidence={"lines": ["<b>boom</b>"], "pod": "a-1", "exit_code": 3} if status == Status.FAILED else {},
        )
        text = client.get(page(rows, "{n}/", deployment)).content.decode()
        assert (">Stop deployment" in text or "Stop deployment" in text) is bool(Deployment.TRANSITIONS[status])
        if status == Status.FAILED:
            assert "&lt;b&gt;boom" in text
            assert "Others own fields of Service/a: hpa" in text
        Deployment.objects.filter(pk=deployment.pk).update(
            status=Status.SUPERSEDED if Deployment.TRANSITIONS[status] else status
        )


def test_an_audit_entry_for_every_write(rows: Rows) -> None:
    good = rows.deployment()
    actor = factories.actor(rows.people.owner)
    rollback = services.request_rollback(deployment=good, actor=actor)
    services.cancel_deployment(deployment=rollback, actor=actor)
    actions = set(AuditEntry.objects.values_list("action", flat=True))
    assert {"deployment.request", "deployment.rollback", "deployment.cancel"} <= actions
