"""Who may see, check, bring back and accept drift; and what the pages and the API say of it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts.roles import Action, allows
from apps.audit.models import AuditEntry
from apps.core.events import emit
from apps.deployments.drift.services import watch_drift
from apps.deployments.models import Deployment, DriftWatch, Status
from tests.deployments.rows import Rows, browser, make

ROLES = ["owner", "developer", "tester", "approver", "viewer", "platform_admin"]
FINDINGS = [
    {
        "kind": "Deployment",
        "name": "web",
        "what": "changed",
        "fields": [
            _field := {
                "path": ".spec.replicas",
                "what": "changed",
                "wanted": 2,
                "live": 5,
                "hidden": False,
                "manager": "kubectl-edit",
                "operation": "Update",
                "subresource": "",
                "at": "2026-11-21T10:00:00Z",
            },
            {**_field, "path": '.spec.template.spec.containers[name="app"].image', "wanted": "a", "live": "b"},
        ],
    },
    {"kind": "Secret", "name": "s", "what": "changed", "fields": [{**_field, "path": ".data.A", "hidden": True, "wanted": None, "live": None}]},
    {"kind": "Service", "name": "web", "what": "missing", "fields": []},
]  # fmt: skip


@pytest.fixture
def rows(db: None, settings: Any) -> Rows:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    made = make()
    deployment = made.deployment()
    DriftWatch.objects.create(
        application=made.application,
        target=made.target,
        deployment=deployment,
        status="found",
        checked_at=timezone.now(),
        findings=FINDINGS,
    )
    return made


def page(rows: Rows, rest: str = "") -> str:
    return f"{rows.application.get_absolute_url()}drift/{rest}"


def place(rows: Rows, verb: str = "") -> str:
    return page(rows, f"{rows.target.environment.slug}/{rows.target.slug}/{verb}")


def send(client: Client, url: str) -> Any:
    return client.post(url, {}, content_type="application/json")


def may(role: str, action: Action) -> bool:
    return allows("owner" if role == "platform_admin" else role, action)


@pytest.mark.parametrize("role", ROLES)
def test_each_role_sees_and_does_what_it_may(rows: Rows, role: str) -> None:
    client = browser(getattr(rows.people, role))
    shown = client.get(page(rows))
    assert shown.status_code == client.get(page(rows, "fragment/")).status_code == 200
    words = shown.content.decode()
    assert ".spec.replicas" in words
    assert "kubectl-edit" in words
    assert ("drift-reapply" in words or "reapply/" in words) is may(role, Action.ROLLBACK)
    assert ('name="field"' in words) is may(role, Action.EDIT_DEPLOYYML)
    assert client.post(place(rows, "check/")).status_code == 302

    back, accept = may(role, Action.ROLLBACK), may(role, Action.EDIT_DEPLOYYML)
    # The cluster behind these rows is away, so what is allowed gets as far as that.
    assert client.post(place(rows, "accept/")).status_code == (503 if accept else 403)
    assert send(client, "/api/v1" + place(rows, "accept/")).status_code == (503 if accept else 403)
    assert client.post(place(rows, "reapply/")).status_code == (302 if back else 403)
    assert Deployment.objects.filter(kind="reapply").count() == int(back)
    if back:
        made = Deployment.objects.get(kind="reapply")
        assert (made.take_over_fields, made.rollback_of) == (True, Deployment.objects.get(kind="deploy"))
        assert AuditEntry.objects.filter(action="deployment.reapply").exists()
    again = send(client, "/api/v1" + place(rows, "reapply/"))
    assert again.status_code == (409 if back else 403), "one at a time"


def test_strangers_find_nothing(rows: Rows) -> None:
    client = browser(rows.people.stranger)
    assert client.get(page(rows)).status_code == 404
    assert {client.post(place(rows, f"{verb}/")).status_code for verb in ("check", "reapply", "accept")} == {404}
    assert client.get("/api/v1" + page(rows)).status_code == 404
    assert Client().get("/api/v1" + page(rows)).status_code == 401


def test_the_api_says_what_differs_and_why_not_all_can_be_accepted(rows: Rows) -> None:
    client = browser(rows.people.viewer)
    [shown] = client.get("/api/v1" + page(rows)).json()
    assert shown == client.get("/api/v1" + place(rows)).json()
    assert (shown["status"], shown["deployment"]) == ("found", 1)
    differences = [field for item in shown["objects"] for field in item["differences"]]
    assert [field["refusal_code"] for field in differences] == ["", "drift.is_image", "drift.is_secret"]
    assert differences[0]["id"] == "Deployment/web .spec.replicas"
    assert [item["what"] for item in shown["objects"]] == ["changed", "changed", "missing"]
    checked = client.post("/api/v1" + place(rows, "check/"))
    assert checked.status_code == 202


def test_the_matrix_marks_it(rows: Rows) -> None:
    client = browser(rows.people.viewer)
    assert f'href="{page(rows)}"><span' in client.get(rows.application.get_absolute_url()).content.decode()
    [cell] = client.get(f"/api/v1{rows.application.get_absolute_url()}matrix/").json()["cells"]
    assert cell["drifted"] is True
    DriftWatch.objects.update(status="clean", findings=[])
    [cell] = client.get(f"/api/v1{rows.application.get_absolute_url()}matrix/").json()["cells"]
    assert cell["drifted"] is False


def test_production_asks_for_the_name(rows: Rows) -> None:
    rows.target.environment.stage = "production"
    rows.target.environment.save()
    client = browser(rows.people.owner)
    client.post(place(rows, "reapply/"))
    assert not Deployment.objects.filter(kind="reapply").exists()
    client.post(place(rows, "reapply/"), {"confirm_name": rows.application.slug})
    assert Deployment.objects.filter(kind="reapply").exists()


def test_where_nothing_was_deployed_there_is_nothing_to_bring_back(rows: Rows) -> None:
    Deployment.objects.update(status=Status.FAILED)
    client = browser(rows.people.owner)
    for verb in ("check", "reapply", "accept"):
        refused = send(client, "/api/v1" + place(rows, f"{verb}/"))
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "drift.nothing_deployed")


def test_a_success_begins_the_watch(rows: Rows) -> None:
    DriftWatch.objects.all().delete()
    event = emit("deployment.succeeded", Deployment.objects.get())
    for _ in range(2):
        watch_drift(event.pk)
    assert DriftWatch.objects.get().target == rows.target
