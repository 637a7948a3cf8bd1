"""Builds through pages, API, stream and webhooks, without waiting for Jenkins."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from django.test import AsyncClient, Client
from django.utils import timezone
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.builds import services
from apps.builds.models import Build, BuildStage, Delivery, Finding, LogChunk
from apps.core.errors import NotFound
from apps.dockerfiles.models import DockerfileRevision
from tests import factories
from tests.builds.world import World

BACKEND = "django.contrib.auth.backends.ModelBackend"
LOG = """Started by Slipway
[Pipeline] { (Clone)
Cloning
[Pipeline] // stage
[Pipeline] { (Build)
+ build
\x1b[31mSyntaxError: '(' was never closed\x1b[0m
script returned exit code 1
[Pipeline] // stage
Finished: FAILURE
"""


def browser(person: User) -> Client:
    client = Client()
    client.force_login(person, backend=BACKEND)
    return client


def program(person: User) -> APIClient:
    client = APIClient()
    client.force_login(person, backend=BACKEND)
    return client


def make_build(people: factories.Personas, **fields: Any) -> Build:
    """Return a build of an application whose systems do not answer: no page may ask them."""
    app = fields.pop("application", None) or factories.application(people.project)
    revision, _ = DockerfileRevision.objects.get_or_create(
        application=app, number=1, defaults={"content": "FROM x\n", "created_by_name": "ada"}
    )
    defaults = {
        "application": app, "number": fields.get("number", 1), "ref": "main", "ref_kind": "branch",
        "commit_sha": "a" * 40, "commit_title": "Show <the> catalogue", "commit_author": "Jun Wei",
        "commit_authored_at": timezone.now(), "dockerfile": revision, "created_by_name": "ada",
    }  # fmt: skip
    return Build.objects.create(**(defaults | fields))


def failed_build(people: factories.Personas, **fields: Any) -> Build:
    words = {"title": "Build", "detail": "exit code 1", "stage": "build"}
    build = make_build(
        people, status="failed", failed_stage="build", cause_code="build.stage_failed", cause_params=words,
        finished_at=timezone.now(), started_at=timezone.now(), log_offset=len(LOG), log_lines=10, **fields,
    )  # fmt: skip
    BuildStage.objects.create(build=build, position=0, name="clone", title="Clone", status="succeeded", seconds=1.5)
    BuildStage.objects.create(
        build=build, position=2, name="build", title="Build", status="failed", detail="exit code 1"
    )
    Finding.objects.create(build=build, tool="bandit", rule="B602", severity="high", file="main.py", message="<shell>")
    LogChunk.objects.create(build=build, offset=0, text=LOG[:150])
    LogChunk.objects.create(build=build, offset=150, text=LOG[150:])
    return build


@pytest.fixture
def people(db: None) -> factories.Personas:
    return factories.personas()


def test_who_sees_and_who_stops(people: factories.Personas) -> None:
    build = make_build(people)
    page, api = build.get_absolute_url(), f"/api/v1{build.get_absolute_url()}"
    pages = [page, f"{page}fragment/", f"{page}log.txt", build.application.get_absolute_url() + "builds/"]
    for name, person in people.items():
        seen = 404 if name == "stranger" else 200
        assert {browser(person).get(url).status_code for url in pages} == {seen}, name
        answers = {program(person).get(url).status_code for url in (api, f"{api}log/", f"{api}findings/")}
        assert answers == {seen}, name
        may = {"stranger": 404, "owner": 202, "developer": 202, "platform_admin": 202}.get(name, 403)
        Build.objects.filter(pk=build.pk).update(cancel_requested_at=None)
        assert program(person).post(f"{api}cancel/").status_code == may, name
        Build.objects.filter(pk=build.pk).update(cancel_requested_at=None)
        assert browser(person).post(f"{page}cancel/").status_code == {202: 302}.get(may, may), name
    assert Client().get(page).status_code == 302
    assert APIClient().get(api).status_code == 401
    assert program(people.owner).get(api.replace("/1/", "/99/")).status_code == 404


def test_who_builds(people: factories.Personas) -> None:
    app = factories.application(people.project)
    url = f"{app.get_absolute_url()}builds/"
    for name, person in people.items():
        may = {"stranger": 404, "approver": 403, "viewer": 403}.get(name, 409)  # 409: there is no Dockerfile
        assert program(person).post(f"/api/v1{url}", {"ref": "main"}, format="json").status_code == may, name
        assert browser(person).post(f"{url}new/", {"ref": "main"}).status_code == may, name
    answer = program(people.developer).post(f"/api/v1{url}", {"ref": "main"}, format="json").json()["error"]
    assert (answer["code"], answer["details"]["blockers"][0]["code"]) == ("build.no_dockerfile", "build.no_dockerfile")


def test_a_failed_build_is_opened_at_the_line(people: factories.Personas) -> None:
    build = failed_build(people)
    page = browser(people.viewer).get(build.get_absolute_url()).content.decode()
    assert "Stage Build failed: exit code 1" in page
    assert '<div class="log-line is-error is-marked"><span class="log-no">7</span>' in page
    assert "&#x27;(&#x27; was never closed" in page
    assert "\x1b" not in page
    assert "&lt;shell&gt;" in page
    assert "Show &lt;the&gt; catalogue" in page
    body = program(people.viewer).get(f"/api/v1{build.get_absolute_url()}").json()
    assert body["cause"]["code"] == "build.stage_failed"
    assert (body["failure"]["marked"], body["failure"]["lines"][7 - body["failure"]["first"]]) == (
        7,
        "SyntaxError: '(' was never closed",
    )
    assert [(stage["name"], stage["status"]) for stage in body["stages"]] == [
        ("clone", "succeeded"), ("scan", "not_reached"), ("build", "failed"), ("push", "not_reached"),
        ("report", "not_reached"),
    ]  # fmt: skip
    assert body["findings"][0]["rule"] == "B602"


def test_the_log_by_lines(people: factories.Personas) -> None:
    build = failed_build(people)
    client, url = program(people.viewer), f"/api/v1{build.get_absolute_url()}log/"
    whole = client.get(url).json()
    assert (whole["first"], whole["total"], whole["complete"], whole["cut"]) == (1, 10, True, False)
    assert whole["lines"][6] == "SyntaxError: '(' was never closed"
    assert client.get(url, {"first": 9, "limit": 1}).json()["lines"] == ["[Pipeline] // stage"]
    assert client.get(url, {"first": -1}).json() == whole | {"first": 10, "lines": ["Finished: FAILURE"]}
    assert client.get(url, {"first": 99}).json()["lines"] == []
    assert client.get(url, {"limit": 0}).status_code == 400
    assert client.get(url, {"first": "x"}).status_code == 400
    text = browser(people.viewer).get(f"{build.get_absolute_url()}log.txt")
    assert text.content.decode() == LOG
    assert text["Content-Type"].startswith("text/plain")


def test_the_list_filters_sorts_and_asks_the_database_as_often_for_many(
    people: factories.Personas, django_assert_max_num_queries: Any
) -> None:
    first = make_build(people)
    app = first.application
    for number in range(2, 40):
        fields = {"ref": "next", "commit_sha": f"{number:040x}", "status": "canceled"} if number % 2 else {}
        make_build(people, application=app, number=number, **fields)
    client, url = browser(people.viewer), f"{app.get_absolute_url()}builds/"
    client.get(url)
    with django_assert_max_num_queries(12):
        page = client.get(url).content.decode()
    assert "#39" in page
    assert "30 of 39" in page
    assert "of 1 builds" in client.get(url, {"q": "#12"}).content.decode()
    assert "of 19" in client.get(url, {"ref": "next"}).content.decode()
    assert "of 19" in client.get(url, {"status": "canceled"}).content.decode()
    assert "No build fits" in client.get(url, {"q": "nothing like it"}).content.decode()
    assert client.get(url, {"sort": "'; drop", "page": "x", "status": "y"}).status_code == 200
    rows = program(people.viewer).get(f"/api/v1{url}", {"sort": "number", "page_size": 2, "q": "catalogue"}).json()
    assert ([row["number"] for row in rows["results"]], rows["count"]) == ([1, 2], 39)
    fragment = client.get(url, headers={"X-Slipway-Fragment": "1"}).content.decode()
    assert "<html" not in fragment
    assert "#39" in fragment


def test_gitlab_that_does_not_answer_is_said_on_the_page(people: factories.Personas) -> None:
    app = factories.application(people.project)
    DockerfileRevision.objects.create(application=app, number=1, content="FROM x\n", created_by_name="ada")
    answer = browser(people.developer).get(f"{app.get_absolute_url()}builds/new/")
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "callout tone-red" in page
    assert "breaks the platform&#x27;s rules" in page
    assert "platform.crashed" not in page


def test_the_page_offers_branches_tags_and_commits_and_keeps_a_wrong_ref(world: World) -> None:
    client, url = browser(world.people.developer), f"{world.path}builds/new/"
    world.write_dockerfile()
    page = client.get(url).content.decode()
    for words in ('value="main" checked', "v2.1.0", "Search the catalogue", "Ada Novak", "Jun Wei"):
        assert words in page
    assert "Keep rendered pages in memory" in client.get(url, {"branch": "cache"}).content.decode()
    assert "v2.1.0" not in client.get(url, {"q": "next"}).content.decode().partition("Commits of")[0]
    refused = client.post(url, {"ref": "main", "typed_ref": "gone"})
    assert refused.status_code == 422
    assert 'value="gone" aria-invalid="true"' in refused.content.decode()
    made = client.post(url, {"ref": "v1.0.0", "no_cache": "on"})
    build = Build.objects.get(application=world.application)
    assert (made.status_code, made["Location"], build.no_cache) == (302, build.get_absolute_url(), True)
    again = program(world.people.developer).post(f"/api/v1{world.path}builds/", {"ref": "main"}, format="json")
    assert (again.status_code, again.json()["number"], again.json()["status"]) == (201, 2, "pending")
    wrong = program(world.people.developer).post(f"/api/v1{world.path}builds/", {"ref": "gone"}, format="json")
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "repository.ref_missing")


def callback(build: Build, delivery_id: str = "d-1", secret: str = "", body: bytes = b"") -> Any:
    content = body or json.dumps({"build_id": str(build.uid), "delivery_id": delivery_id}).encode()
    key = hmac.new(
        (secret or build.application.jenkins.webhook_secret).encode(), str(build.uid).encode(), hashlib.sha256
    )
    signature = "sha256=" + hmac.new(key.digest(), content, hashlib.sha256).hexdigest()
    return Client().post(
        f"/hooks/jenkins/{build.uid}/", content, "application/json", headers={"X-Slipway-Signature": signature}
    )


def test_a_webhook_of_jenkins_wakes_the_build_once(people: factories.Personas) -> None:
    later = timezone.now() + timezone.timedelta(hours=1)
    build = make_build(people, status="running", next_step_at=later, build_number=1)
    assert callback(build).status_code == 202
    build.refresh_from_db()
    assert build.next_step_at < later
    Build.objects.filter(pk=build.pk).update(next_step_at=later)
    assert callback(build).status_code == 202  # the same delivery again
    build.refresh_from_db()
    assert build.next_step_at == later
    assert Delivery.objects.count() == 1


def test_a_webhook_that_is_not_of_jenkins_is_not_found(people: factories.Personas) -> None:
    build = make_build(people, status="running", build_number=1)
    assert callback(build, secret="another").status_code == 404
    assert callback(build, body=b"{").status_code == 400
    assert callback(build, body=b"[]").status_code == 400
    assert Client().post(f"/hooks/jenkins/{build.application.pk}/").status_code == 404
    assert Client().get(f"/hooks/jenkins/{build.uid}/").status_code == 405
    type(build.application.jenkins).objects.update(webhook_secret="")
    with pytest.raises(NotFound):
        services.receive_callback(
            uid=str(build.uid), signature="sha256=" + services.sign("", str(build.uid), b""), body=b"", delivery_id="x"
        )
    assert Delivery.objects.count() == 0


async def events(client: AsyncClient, url: str, then: Any = None, **headers: str) -> list[tuple[str, Any]]:
    """Return (id or event name, content) of all that a stream sends until it ends; `then` happens after the first lines."""
    response = await client.get(url, headers=headers)
    assert response["Content-Type"].startswith("text/event-stream")
    text = ""
    async with asyncio.timeout(20):
        async for piece in response.streaming_content:
            text += piece.decode()
            if then is not None and "data:" in text:
                await then()
                then = None
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "data" in fields:
            found.append((fields.get("id") or fields["event"], json.loads(fields["data"])))
    return found


@pytest.fixture
def running_build(transactional_db: None) -> Build:
    build = make_build(factories.personas(), status="running", build_number=1)
    LogChunk.objects.create(build=build, offset=0, text="one\ntwo\nth")
    return build


async def signed_in(person: User) -> AsyncClient:
    client = AsyncClient()
    await client.aforce_login(person, backend=BACKEND)
    return client


async def test_the_log_is_followed_to_its_end_and_taken_up_again(running_build: Build) -> None:
    build, url = running_build, f"/stream{running_build.get_absolute_url()}log"
    viewer = await User.objects.aget(memberships__role="viewer", memberships__project=build.application.project)
    client = await signed_in(viewer)

    async def end() -> None:
        await LogChunk.objects.acreate(build=build, offset=10, text="ree\nfour without an end")
        await Build.objects.filter(pk=build.pk).aupdate(status="canceled")

    found = await events(client, url, then=end)
    lines = [line for _id, content in found[:-1] for line in content["lines"]]
    assert lines == ["one", "two", "three", "four without an end"]
    assert [key for key, _ in found] == ["2", "4", "end"]
    assert (await events(client, url, **{"Last-Event-ID": "3"}))[0] == ("4", {"lines": ["four without an end"]})
    assert (await AsyncClient().get(url)).status_code == 401
    stranger = await signed_in(await User.objects.filter(memberships=None, is_superuser=False).afirst())
    assert (await stranger.get(url)).status_code == 404
    await sync_to_async(connections.close_all)()
