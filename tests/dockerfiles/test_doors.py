"""Dockerfiles and base images through pages and API: who may, what is kept, what is refused where."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from apps.accounts.models import User
from apps.audit.models import AuditEntry
from apps.core.errors import Conflict
from apps.dockerfiles import services
from apps.dockerfiles.models import BaseImage, DockerfileRevision
from tests import factories
from tests.dockerfiles.world import GOOD, HOST, World, build_world

BACKEND = "django.contrib.auth.backends.ModelBackend"


def browser(person: User) -> Client:
    client = Client()
    client.force_login(person, backend=BACKEND)
    return client


def program(person: User) -> APIClient:
    client = APIClient()
    client.force_login(person, backend=BACKEND)
    return client


def save(world: World, content: str = GOOD, **more: Any) -> DockerfileRevision:
    return services.save_revision(application=world.application, content=content, actor=world.developer, **more)


def test_who_sees_and_who_writes(world: World) -> None:
    save(world)
    page, api = f"{world.path}dockerfile/", f"/api/v1{world.path}dockerfile/"
    pages = [page, f"{page}?from=template", f"{page}revisions/", f"{page}revisions/1/"]
    for name, person in world.people.items():
        seen = 404 if name == "stranger" else 200
        written = {"stranger": 404, "owner": 201, "developer": 201, "platform_admin": 201}.get(name, 403)
        assert {browser(person).get(url).status_code for url in pages} == {seen}, name
        assert {program(person).get(url).status_code for url in (api, f"{api}template/")} == {seen}, name
        body = {"content": f"{GOOD}# by {name}\n"}
        assert program(person).post(api, body, format="json").status_code == written, name
        typed = {"content": f"{GOOD}# page of {name}\n", "expected_number": str(newest(world))}
        posted = browser(person).post(page, typed).status_code
        assert posted == {201: 302}.get(written, written), name
        composer = browser(person).get(f"{page}compose/").status_code
        assert composer == {201: 200}.get(written, written), name
    assert Client().get(page).status_code == 302
    assert APIClient().get(api).status_code == 401


def newest(world: World) -> int:
    return DockerfileRevision.objects.filter(application=world.application).order_by("-number")[0].number


def test_the_first_one_begins_with_the_template(world: World) -> None:
    answer = browser(world.people.developer).get(f"{world.path}dockerfile/")
    assert f"FROM {HOST}/base/python-run:3.11 AS run" in answer.content.decode()
    assert "Nothing is saved yet" in answer.content.decode()
    assert 'name="expected_number" value="0"' in answer.content.decode()


def test_a_refused_save_keeps_what_was_typed_and_marks_the_lines(world: World) -> None:
    text = GOOD.replace(f"{HOST}/base/python-run:3.11", "docker.io/evil:1")
    client = browser(world.people.developer)
    answer = client.post(f"{world.path}dockerfile/", {"content": text, "note": "because", "expected_number": "0"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "docker.io/evil:1 is no approved base image for stage run" in page
    assert 'data-editor-line="10"' in page
    assert "FROM docker.io/evil:1 AS run" in page
    assert 'value="because"' in page
    answer = program(world.people.developer).post(f"/api/v1{world.path}dockerfile/", {"content": text}, format="json")
    problem = answer.json()["error"]["details"]["fields"]["content"][0]
    assert (answer.status_code, problem["line"], problem["code"]) == (400, 10, "dockerfile.base_not_allowed")
    assert not DockerfileRevision.objects.filter(application=world.application).exists()


def test_saving_over_somebody_else_is_refused_with_both_texts(world: World) -> None:
    save(world, expected_number=0)
    save(world, GOOD + "# mine\n", expected_number=1)
    client = browser(world.people.owner)
    answer = client.post(f"{world.path}dockerfile/", {"content": GOOD + "# yours\n", "expected_number": "1"})
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "# yours" in page
    assert '<template id="dockerfile-newest">' in page
    assert 'name="expected_number" value="2"' in page
    again = client.post(f"{world.path}dockerfile/", {"content": GOOD + "# yours\n", "expected_number": "2"})
    assert again.status_code == 302
    assert newest(world) == 3


def test_the_same_text_again_is_no_new_revision(world: World) -> None:
    assert save(world).number == save(world, GOOD.replace("\n", "\r\n")).number == 1


def test_lint_marks_rules_and_advice(world: World) -> None:
    text = GOOD.replace("RUN python3", "RUN cd /tmp && sudo python3") + "ADD https://evil.test/x /x\n"
    client = browser(world.people.viewer)
    marks = client.post(f"{world.path}dockerfile/lint/", {"text": text}).json()["problems"]
    assert (14, "dockerfile.remote_add", True) in {(mark["line"], mark["code"], mark["blocking"]) for mark in marks}
    assert any(mark["code"].startswith(("DL", "SC")) and mark["line"] == 8 for mark in marks)
    answer = program(world.people.viewer).post(f"/api/v1{world.path}dockerfile/lint/", {"content": text}, format="json")
    assert [mark["code"] for mark in answer.json()] == [mark["code"] for mark in marks]


def test_without_hadolint_the_rules_still_hold(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.dockerfiles.lint._program", lambda: None)
    marks = browser(world.people.developer).post(f"{world.path}dockerfile/lint/", {"text": "FROM x\n"}).json()
    assert {"hadolint.missing", "dockerfile.stages", "dockerfile.base_not_allowed"} == {
        mark["code"] for mark in marks["problems"]
    }


def composed(world: World, **changes: str) -> dict[str, str]:
    images = {image.stage: str(image.pk) for image in BaseImage.objects.exclude(language="node")}
    answers = {"commands": "echo one\necho two", "copied": "/build /app", "start": "python3 'my main.py'"}
    return {**images, **answers, "port": "9000", "environment": "A=b c", **changes}


def test_the_composer_gives_a_text_that_is_saved_by_hand(world: World) -> None:
    client, page = browser(world.people.developer), f"{world.path}dockerfile/"
    preview = client.post(f"{page}compose/preview/", composed(world)).content.decode()
    assert "CMD [&quot;python3&quot;, &quot;my main.py&quot;]" in preview
    taken = client.post(f"{page}compose/", composed(world))
    assert "Nothing is saved yet" in taken.content.decode()
    text = str(taken.context["content"])
    assert text.splitlines()[7:9] == ["RUN echo one", "RUN echo two"]
    assert 'ENV A="b c"' in text
    assert "EXPOSE 9000" in text
    assert not DockerfileRevision.objects.exists()
    assert client.post(page, {"content": text, "expected_number": "0"}).status_code == 302


@pytest.mark.parametrize(
    ("name", "value"),
    [("copied", "/build"), ("start", "python3 'open"), ("environment", "1A=x"), ("port", "0"), ("run", "999999")],
)
def test_the_composer_says_which_answer_is_wrong(world: World, name: str, value: str) -> None:
    client, typed = browser(world.people.developer), composed(world, **{name: value})
    answer = client.post(f"{world.path}dockerfile/compose/", typed)
    assert answer.status_code == 422
    assert f'id="id_{name}_error"' in answer.content.decode()
    assert client.post(f"{world.path}dockerfile/compose/preview/", typed).status_code == 422


def test_a_node_image_is_not_offered_to_python(world: World) -> None:
    page = browser(world.people.developer).get(f"{world.path}dockerfile/compose/").content.decode()
    assert "base/python-run:3.11" in page
    assert "base/node-run:20" not in page


def test_without_approved_images_pages_say_what_is_missing(db: None) -> None:
    people = factories.personas()
    app = factories.application(people.project)
    client, path = browser(people.developer), f"/projects/{people.project.slug}/apps/{app.slug}/dockerfile/"
    for url in (path, f"{path}compose/"):
        assert "No base image is approved for stage clone" in client.get(url).content.decode()
    answer = program(people.developer).get(f"/api/v1{path}template/")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "dockerfile.no_base")


def test_administrators_approve_and_withdraw(world: World) -> None:
    client = browser(world.people.platform_admin)
    slug = world.application.harbor.slug
    typed = {"harbor": slug, "stage": "run", "reference": "base/python-run:3.12", "language": "python"}
    assert client.post("/base-images/", {**typed, "init_path": "/opt/slipway/my_init"}).status_code == 302
    assert client.post("/base-images/", typed).status_code == 422
    assert client.post("/base-images/", {**typed, "reference": "https://evil/x"}).status_code == 422
    image = BaseImage.objects.get(reference="base/python-run:3.12")
    text = GOOD.replace("python-run:3.11", "python-run:3.12")
    save(world, text)
    assert client.post(f"/base-images/{image.pk}/", {"enabled": "0"}).status_code == 302
    assert "withdrawn" in client.get("/base-images/").content.decode()
    lint = client.post(f"{world.path}dockerfile/lint/", {"text": text}).json()["problems"]
    assert "dockerfile.base_not_allowed" in {mark["code"] for mark in lint}
    assert {"base_image.approve", "base_image.withdraw"} <= set(AuditEntry.objects.values_list("action", flat=True))


def test_only_administrators_touch_base_images(world: World) -> None:
    image = BaseImage.objects.filter(harbor=world.application.harbor)[0]
    for person in (world.people.owner, world.people.developer, world.people.stranger):
        assert browser(person).get("/base-images/").status_code == 403
        assert browser(person).post(f"/base-images/{image.pk}/", {"enabled": "0"}).status_code == 403
        body = {"harbor": world.application.harbor.slug, "stage": "run", "reference": "x:1"}
        assert program(person).post("/api/v1/base-images/", body, format="json").status_code == 403
        url = f"/api/v1/base-images/{image.pk}/"
        assert program(person).patch(url, {"enabled": False}, format="json").status_code == 403
        assert program(person).get("/api/v1/base-images/").status_code == 200
    body = {"harbor": world.application.harbor.slug, "stage": "run", "reference": "x:1"}
    assert program(world.people.platform_admin).post("/api/v1/base-images/", body, format="json").status_code == 201
    image.refresh_from_db()
    assert image.enabled


@pytest.mark.django_db(transaction=True)
def test_of_two_who_save_at_once_one_is_told() -> None:
    world = build_world()
    save(world)
    ready, outcomes = threading.Barrier(2), []

    def write(name: str) -> None:
        try:
            ready.wait(10)
            outcomes.append(save(world, f"{GOOD}# {name}\n", expected_number=1).number)
        except Conflict as conflict:
            outcomes.append(conflict.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=write, args=(name,)) for name in ("ada", "jun")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(map(str, outcomes)) == ["2", "dockerfile.changed_meanwhile"]
    assert newest(world) == 2
