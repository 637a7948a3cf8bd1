"""Who may restart, scale, hold and take off, on the pages and in the API; what the pages say before."""

from __future__ import annotations

from typing import Any

import pytest

from apps.accounts.roles import Action, allows
from apps.audit.models import AuditEntry
from apps.console import cells
from apps.core.errors import Conflict
from apps.deployments import operations, selectors
from apps.deployments.models import Deployment, Status
from tests import factories
from tests.deployments.rows import Rows, browser, make
from tests.deployments.test_together import at_once

ROLES = ["owner", "developer", "tester", "approver", "viewer", "platform_admin"]


@pytest.fixture
def rows(db: None, settings: Any) -> Rows:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # eight people a test
    return make()


def page(rows: Rows, rest: str = "") -> str:
    place = f"{rows.target.environment.slug}/{rows.target.slug}"
    return f"{rows.application.get_absolute_url()}targets/{place}/{rest}"


def api(rows: Rows, rest: str = "") -> str:
    return "/api/v1" + page(rows, rest)


def in_production(rows: Rows) -> None:
    rows.target.environment.stage = "production"
    rows.target.environment.save()


def free(rows: Rows) -> None:
    """Let nothing be going on."""
    Deployment.objects.exclude(status=Status.SUCCEEDED).update(status=Status.SUPERSEDED)


def may(role: str, action: Action) -> bool:
    return allows("owner" if role == "platform_admin" else role, action)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("production", [False, True])
def test_each_role_may_what_the_table_says(rows: Rows, role: str, production: bool) -> None:
    if production:
        in_production(rows)
    rows.deployment()
    client = browser(getattr(rows.people, role))
    assert client.get(page(rows)).status_code == 200
    situation = client.get(api(rows)).json()
    remove = Action.REMOVE_FROM_PRODUCTION if production else Action.REMOVE
    asked: list[tuple[str, dict[str, Any], Action]] = [
        ("restart/", {}, Action.RESTART),
        ("scale/", {"replicas": 3}, Action.SCALE),
        ("removal/", {"confirm_name": rows.application.slug}, remove),
    ]
    for rest, body, need in asked:
        allowed = may(role, need)
        assert client.post(page(rows, rest), body).status_code == (302 if allowed else 403), rest
        free(rows)
        answer = client.post(api(rows, rest), body, content_type="application/json")
        assert answer.status_code == (201 if allowed else 403), answer.content
        free(rows)
    assert situation["may_restart"] is may(role, Action.RESTART)
    assert situation["may_scale"] is may(role, Action.SCALE)
    assert situation["may_remove"] is may(role, remove)
    assert client.get(page(rows, "removal/")).status_code == (200 if may(role, remove) else 403)


def test_strangers_find_nothing(rows: Rows) -> None:
    rows.deployment()
    client = browser(rows.people.stranger)
    for rest in ("restart/", "scale/", "removal/"):
        assert client.post(page(rows, rest)).status_code == 404
        assert client.post(api(rows, rest)).status_code == 404
    assert client.get(page(rows)).status_code == 404
    assert Deployment.objects.count() == 1


def test_holding_asks_for_the_right_to_deploy(rows: Rows) -> None:
    running = rows.deployment(Status.PROGRESSING)
    url = f"{rows.application.get_absolute_url()}deployments/{running.number}/"
    viewer, developer = browser(rows.people.viewer), browser(rows.people.developer)
    for verb, wanted in (("pause", True), ("resume", False)):
        assert viewer.post(f"{url}{verb}/").status_code == 403
        assert viewer.post(f"/api/v1{url}{verb}/").status_code == 403
        assert developer.post(f"/api/v1{url}{verb}/").status_code == 202
        running.refresh_from_db()
        assert running.pause_wanted is wanted
    assert "Pause the rollout" in developer.get(url).content.decode()
    assert developer.post(f"{url}pause/").status_code == 302
    assert "Let it go on" in developer.get(url).content.decode()


def test_production_asks_for_the_name_where_it_is_dangerous(rows: Rows) -> None:
    in_production(rows)
    rows.deployment()
    client = browser(rows.people.owner)
    refused = client.post(page(rows, "removal/"), {"note": "because"})
    assert refused.status_code == 422
    assert b'value="because"' in refused.content
    refused = client.post(page(rows, "scale/"), {"replicas": 0})
    assert refused.status_code == 422
    assert b'name="confirm_name"' in refused.content
    for rest, body in (("removal/", {}), ("scale/", {"replicas": 0})):
        answer = client.post(api(rows, rest), body, content_type="application/json")
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "deployment.confirm_name")
    assert Deployment.objects.count() == 1
    assert client.post(page(rows, "scale/"), {"replicas": 1}).status_code == 302


@pytest.mark.parametrize(
    "body", [{}, {"replicas": -1}, {"replicas": 1001}, {"min": 1}, {"replicas": 1, "min": 1, "max": 2}]
)
def test_what_is_no_number_is_refused(rows: Rows, body: dict[str, int]) -> None:
    rows.deployment()
    client = browser(rows.people.owner)
    assert client.post(api(rows, "scale/"), body, content_type="application/json").status_code == 400
    assert Deployment.objects.count() == 1


def test_an_autoscaler_gets_bounds(rows: Rows) -> None:
    rows.deployment(autoscaling={"min": 2, "max": 4, "cpu": 80})
    client = browser(rows.people.owner)
    assert 'name="max"' in client.get(page(rows)).content.decode()
    situation = client.get(api(rows)).json()
    assert (situation["replicas"], situation["min"], situation["max"]) == (None, 2, 4)
    answer = client.post(api(rows, "scale/"), {"replicas": 3}, content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "deployment.autoscaled")
    answer = client.post(api(rows, "scale/"), {"min": 3, "max": 2}, content_type="application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "deployment.bounds_out_of_range")
    assert client.post(page(rows, "scale/"), {"min": 3, "max": 5}).status_code == 302


def test_nothing_is_done_where_nothing_is_or_something_goes_on(rows: Rows) -> None:
    client = browser(rows.people.owner)
    for rest, body in (("restart/", {}), ("scale/", {"replicas": 3}), ("removal/", {})):
        answer = client.post(api(rows, rest), body, content_type="application/json")
        assert answer.json()["error"]["code"] == "deployment.nothing_there"
    assert "Nothing runs here" in client.get(page(rows)).content.decode()
    rows.deployment()
    rows.deployment(Status.PROGRESSING, replicas=3)
    answer = client.post(api(rows, "restart/"), {}, content_type="application/json")
    assert answer.json()["error"]["code"] == "deployment.in_progress"
    assert "is going on here" in client.get(page(rows)).content.decode()


def test_operations_are_no_versions(rows: Rows) -> None:
    actor = factories.actor(rows.people.owner)
    place: dict[str, Any] = {"application": rows.application, "target": rows.target, "actor": actor}
    older, newer = rows.deployment(replicas=3), rows.deployment(replicas=4)
    operations.request_restart(**place)
    Deployment.objects.filter(kind="restart").update(status=Status.SUCCEEDED)
    assert selectors.live_deployment(rows.application, rows.target) == newer
    assert [point.pk for point in selectors.rollback_points(rows.application, rows.target)] == [older.pk]
    assert selectors.find_newer(newer) is None
    restart = Deployment.objects.get(kind="restart")
    client = browser(rows.people.owner)
    answer = client.post(f"/api/v1{restart.get_absolute_url()}rollback/", {}, content_type="application/json")
    assert answer.json()["error"]["code"] == "deployment.no_version"


def test_a_scaling_holds_until_the_next_version(rows: Rows) -> None:
    place: dict[str, Any] = {"application": rows.application, "target": rows.target}
    rows.deployment()
    scaling = operations.request_scale(replicas=5, actor=factories.actor(rows.people.owner), **place)
    Deployment.objects.filter(pk=scaling.pk).update(status=Status.SUCCEEDED, ready=5, wanted=5)
    assert selectors.scaled_since(**place) == scaling
    environments = [type(rows.target.environment).objects.prefetch_related("targets__cluster").get()]
    (cell,) = selectors.matrix([rows.application], environments)[rows.application.pk]
    assert cells.view(rows.application, cell).ready == 5
    client = browser(rows.people.owner)
    assert client.get(api(rows)).json()["scaled_by"] == scaling.number
    assert "scaled it since the last release" in client.get(page(rows)).content.decode()
    rows.deployment(replicas=3)
    assert selectors.scaled_since(**place) is None


@pytest.mark.django_db(transaction=True)
def test_of_two_operations_at_once_one_is_made(settings: Any) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    rows = make()
    rows.deployment()
    place: dict[str, Any] = {
        "application": rows.application, "target": rows.target, "actor": factories.actor(rows.people.owner),
    }  # fmt: skip
    results = at_once(
        lambda: operations.request_restart(**place),
        lambda: operations.request_scale(replicas=3, **place),
        lambda: operations.request_removal(**place),
    )
    assert sorted(type(result).__name__ for result in results) == ["Conflict", "Conflict", "Deployment"]
    assert {result.code for result in results if isinstance(result, Conflict)} == {"deployment.in_progress"}


def test_what_was_taken_off_is_not_deployed(rows: Rows) -> None:
    actor = factories.actor(rows.people.owner)
    version = rows.deployment()
    operations.request_removal(application=rows.application, target=rows.target, actor=actor)
    Deployment.objects.filter(kind="removal").update(status=Status.SUCCEEDED)
    environments = [type(rows.target.environment).objects.prefetch_related("targets__cluster").get()]
    (cell,) = selectors.matrix([rows.application], environments)[rows.application.pk]
    assert (cell.live, cell.is_removed) == (None, True)
    assert cells.view(rows.application, cell).version == ""
    assert [point.pk for point in selectors.rollback_points(rows.application, rows.target)] == [version.pk]
    back = browser(rows.people.owner).post(
        f"/api/v1{version.get_absolute_url()}rollback/", {}, content_type="application/json"
    )
    assert back.status_code == 201


def test_an_audit_entry_for_every_operation(rows: Rows) -> None:
    place: dict[str, Any] = {
        "application": rows.application, "target": rows.target, "actor": factories.actor(rows.people.owner),
    }  # fmt: skip
    rows.deployment()
    operations.request_scale(replicas=3, **place)
    free(rows)
    restart = operations.request_restart(**place)
    operations.pause_deployment(deployment=restart, actor=place["actor"])
    operations.resume_deployment(deployment=restart, actor=place["actor"])
    free(rows)
    operations.request_removal(**place)
    assert set(AuditEntry.objects.values_list("action", flat=True)) >= {
        "deployment.scale", "deployment.restart", "deployment.pause", "deployment.resume", "deployment.removal",
    }  # fmt: skip
