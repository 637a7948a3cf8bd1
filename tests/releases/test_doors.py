"""The doors of release orders: who may what, the shapes of the API, the pages."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from apps.core.errors import Blocked
from apps.releases import confirmation, services
from apps.releases.models import ReleaseOrder, Status
from tests.releases.world import ReleaseWorld

# What each role is answered; a stranger is told that nothing is there.
MATRIX = [
    # verb, who may
    ("create", {"owner", "developer", "platform_admin"}),
    ("plan/", {"owner", "developer", "platform_admin"}),
    ("submit/", {"owner", "developer", "platform_admin"}),
    ("approve/", {"owner", "approver", "platform_admin"}),
    ("reject/", {"owner", "approver", "platform_admin"}),
    ("execute/", {"owner", "developer", "platform_admin"}),
    ("stop/", {"owner", "developer", "platform_admin"}),
    ("retry/", {"owner", "developer", "platform_admin"}),
    ("rollback/", {"owner", "developer", "approver", "platform_admin"}),
]
ROLES = ["owner", "developer", "tester", "approver", "viewer", "stranger", "platform_admin"]


@pytest.mark.parametrize(("verb", "may"), MATRIX)
def test_permissions_of_verbs(world: ReleaseWorld, verb: str, may: set[str]) -> None:
    order = world.order()
    url = world.url if verb == "create" else f"{world.url}{order.number}/{verb}"
    for role in ROLES:
        if role in may:
            continue  # what they may do is in the stories below; here it would change the order for the next role
        answer = Client().post(
            url, {}, content_type="application/json", headers=world.token(role, "admin", "release", "approve")
        )
        assert answer.status_code == (404 if role == "stranger" else 403), (role, verb, answer.content)
    for role in may:
        answer = Client().post(url, {}, content_type="application/json", headers=world.token(role, "read"))
        assert answer.status_code == 403, (role, verb)
        assert answer.json()["error"]["code"] == "auth.scope"


@pytest.mark.parametrize("role", ROLES)
def test_permissions_of_reading(world: ReleaseWorld, role: str) -> None:
    order = services.make_plan(order=world.order(), actor=world.actor())
    expected = 404 if role == "stranger" else 200
    client = world.client(role)
    page = order.get_absolute_url()
    for url in (
        world.url,
        f"{world.url}{order.number}/",
        page,
        f"{page}fragment/",
        f"{order.application.get_absolute_url()}releases/",
    ):
        assert client.get(url).status_code == expected, url
    listed = client.get("/api/v1/releases/").json()["count"]
    assert listed == (0 if role == "stranger" else 1)


def test_the_story_through_the_api(world: ReleaseWorld) -> None:
    world.policy(approvals_needed=1)
    build = world.build()
    world.revision()
    developer, approver = world.token("developer", "release"), world.token("approver", "approve")
    client = Client()

    def post(path: str, headers: dict[str, str], **given: Any) -> Any:
        return client.post(world.url + path, given, content_type="application/json", headers=headers)

    made = post("", developer, environment="production", build=build.number, note="first", submit=True)
    assert made.status_code == 201, made.content
    order = made.json()
    assert order["status"] == "submitted"
    assert order["plan"]["hash"]
    assert {target["target"] for target in order["plan"]["targets"]} == {"north", "south"}
    assert all(len(target["sha256"]) == 64 and target["diff"] for target in order["plan"]["targets"])
    assert all(gate["level"] != "stop" and gate["message"] for gate in order["plan"]["gates"])

    own = post(f"{order['number']}/approve/", world.token("developer", "approve", "admin"))
    assert own.status_code == 403
    waiting = client.get("/api/v1/releases/waiting/", headers=approver).json()
    assert [row["number"] for row in waiting["results"]] == [order["number"]]
    agreed = post(f"{order['number']}/approve/", approver, note="fine", plan_hash=order["plan"]["hash"])
    assert agreed.status_code == 200, agreed.content
    assert agreed.json()["status"] == "approved"
    assert agreed.json()["approvals"][0]["token_name"]
    assert client.get("/api/v1/releases/waiting/", headers=approver).json()["count"] == 0
    started = post(f"{order['number']}/execute/", developer)
    assert started.status_code == 202
    assert started.json()["status"] == "executing"
    assert post(f"{order['number']}/execute/", developer).status_code == 202
    assert post(f"{order['number']}/submit/", developer).status_code == 409


def test_a_blocked_submission_names_its_gates(world: ReleaseWorld) -> None:
    build, revision = world.build(pushed=False), world.revision()
    answer = Client().post(
        world.url,
        {"environment": "production", "build": build.number, "deployyml_revision": revision.number, "submit": True},
        content_type="application/json",
        headers=world.token("developer", "release"),
    )
    assert answer.status_code == 409
    error = answer.json()["error"]
    assert error["code"] == "release.gates_stop"
    assert [blocker["code"] for blocker in error["details"]["blockers"]] == ["gate.image_gone"]


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"environment": "nowhere"}, "environment"),
        ({"build": 99}, "build"),
        ({"deployyml_revision": 99}, "deployyml_revision"),
        ({"scheduled_for": "yesterday"}, "scheduled_for"),
        ({"note": "x" * 501}, "note"),
    ],
)
def test_bad_input_is_named_by_field(world: ReleaseWorld, given: dict[str, Any], field: str) -> None:
    build = world.build()
    world.revision()
    answer = Client().post(
        world.url,
        {"environment": "production", "build": build.number, **given},
        content_type="application/json",
        headers=world.token("developer", "release"),
    )
    assert answer.status_code == 400
    assert field in answer.json()["error"]["details"]["fields"]


def test_a_person_releases_through_the_pages(world: ReleaseWorld) -> None:
    world.policy(approvals_needed=1)
    build, revision = world.build(), world.revision()
    root = f"{world.application.get_absolute_url()}releases/"
    developer, approver = world.client("developer"), world.client("approver")
    assert developer.get(f"{root}new/").status_code == 200
    row = f"item-{world.application.slug}"
    wrong = developer.post(f"{root}new/", {"environment": "production", f"{row}-build": "77", "note": "kept text"})
    assert wrong.status_code == 422
    assert b"kept text" in wrong.content
    given = {
        "environment": "production",
        f"{row}-build": build.number,
        f"{row}-deployyml_revision": revision.number,
        "start": "by_hand",
    }
    made = developer.post(f"{root}new/", given)
    assert made.status_code == 302, made.content
    page = made["Location"]
    shown = developer.get(page).content.decode()
    assert "Submit for approval" in shown
    assert developer.post(f"{page}submit/").status_code == 302
    assert "Nobody approves their own" not in developer.get(page).content.decode()  # they may not approve anything
    assert world.application.name in approver.get("/approvals/").content.decode()
    assert "Approve this plan" in approver.get(page).content.decode()
    assert approver.post(f"{page}approve/", {"note": "ok"}).status_code == 302
    assert "Release now" in developer.get(page).content.decode()
    assert developer.post(f"{page}execute/").status_code == 400
    assert developer.post(f"{page}execute/", {"confirm_name": "another"}).status_code == 400
    assert developer.post(f"{page}execute/", {"confirm_name": world.application.slug}).status_code == 302
    assert "Stop release" in developer.get(page).content.decode()


@pytest.mark.parametrize(
    ("verb", "role", "status", "asks"),
    [
        ("plan", "developer", Status.DRAFT, False),
        ("submit", "developer", Status.DRAFT, True),
        ("execute", "developer", Status.APPROVED, True),
        ("stop", "developer", Status.APPROVED, False),
        ("retry", "developer", Status.FAILED, True),
        ("reject", "approver", Status.SUBMITTED, False),
        ("approve", "approver", Status.SUBMITTED, False),
    ],
)
def test_production_asks_for_the_name_where_a_verb_begins_something(
    world: ReleaseWorld, verb: str, role: str, status: str, asks: bool
) -> None:
    order = services.make_plan(order=world.order(), actor=world.actor())
    ReleaseOrder.objects.filter(pk=order.pk).update(status=status)
    client, url = world.client(role), f"{order.get_absolute_url()}{verb}/"
    given = {"note": "because"}
    assert client.post(url, given).status_code == (400 if asks else 302)
    assert client.post(url, {**given, "confirm_name": order.application.slug}).status_code == 302


def test_the_name_is_asked_for_in_production_only_and_where_a_submission_begins(world: ReleaseWorld) -> None:
    order = world.order()
    assert confirmation.name_to_type(order, "submit") == order.application.slug
    order.start = ReleaseOrder.Start.BY_HAND
    assert confirmation.name_to_type(order, "submit") == ""
    order.environment.stage = "test"
    assert {confirmation.name_to_type(order, verb) for verb in confirmation.VERBS} == {""}


def test_test_orders_through_the_pages_and_the_api(world: ReleaseWorld) -> None:
    build = world.build()
    root = f"{world.application.get_absolute_url()}tests/"
    developer, tester = world.client("developer"), world.client("tester")
    assert developer.post(f"{root}request/", {"build": build.number}).status_code == 302
    assert "Give a verdict" in tester.get("/approvals/").content.decode()
    assert developer.post(f"{root}1/verdict/", {"verdict": "passed"}).status_code == 403
    assert tester.post(f"{root}1/verdict/", {"verdict": "passed"}).status_code == 302
    assert "Test passed" in developer.get(root).content.decode()
    listed = Client().get(f"/api/v1{root}", headers=world.token("viewer", "read")).json()
    assert listed["results"][0]["verdict"] == "passed"


def test_lists_need_a_constant_number_of_queries(world: ReleaseWorld, django_assert_max_num_queries: Any) -> None:
    client = world.client("developer")
    build = world.build()
    counts = []
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    for _ in range(2):
        for _ in range(3):
            world.order(build=build)
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert client.get(f"{world.application.get_absolute_url()}releases/").status_code == 200
            assert client.get("/releases/").status_code == 200
            assert client.get("/api/v1/releases/").status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1]


def test_a_draft_with_closed_gates_offers_no_submit(world: ReleaseWorld) -> None:
    order = world.order(build=world.build(pushed=False))
    with pytest.raises(Blocked):
        services.submit_order(order=order, actor=world.actor())
    shown = world.client("developer").get(order.get_absolute_url()).content.decode()
    assert "A gate stops it" in shown
    assert world.again(order).status == Status.DRAFT
