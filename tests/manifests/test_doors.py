from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from apps.manifests.models import DeployYmlRevision, SecretValue
from tests.manifests.test_forms import typed_as_shown
from tests.manifests.test_services import SECRET, save, set_secret
from tests.manifests.world import BASE, World

PAGE = "/projects/demo/apps/storefront/deployyml/"
API = "/api/v1/projects/demo/apps/storefront/"


def browser(world: World, role: str = "developer") -> Client:
    client = Client()
    client.force_login(world.people[role], backend="django.contrib.auth.backends.ModelBackend")
    return client


def program(world: World, role: str = "developer") -> APIClient:
    client = APIClient()
    client.force_login(world.people[role], backend="django.contrib.auth.backends.ModelBackend")
    return client


def form(document: dict[str, Any] = BASE, **more: str) -> dict[str, str]:
    return {**typed_as_shown(document), "layer": "base", "expected_number": "", **more}


def newest() -> DeployYmlRevision:
    return DeployYmlRevision.objects.order_by("-number")[0]


READS = [PAGE, f"{PAGE}revisions/", f"{PAGE}revisions/1/", f"{PAGE}secrets/"]
API_READS = ["deployyml/", "deployyml/revisions/", "deployyml/revisions/1/", "deployyml/defaults/", "secrets/"]
SAVE = {"base": BASE, "overrides": {}, "note": "", "expected_number": 1}
WRITES: list[tuple[str, dict[str, Any]]] = [
    ("deployyml/", SAVE),
    ("deployyml/revisions/1/restore/", {"expected_number": 1}),
    ("secrets/", {"key": "K", "value": "v"}),
    ("secrets/withdraw/", {"key": "DB_PASSWORD"}),
]


@pytest.mark.parametrize("role", ["owner", "developer", "tester", "approver", "viewer", "administrator"])
def test_members_may_look(world: World, role: str) -> None:
    save(world)
    assert {browser(world, role).get(url).status_code for url in READS} == {200}
    assert {program(world, role).get(API + url).status_code for url in API_READS} == {200}


def test_strangers_find_nothing(world: World) -> None:
    save(world)
    assert {browser(world, "stranger").get(url).status_code for url in READS} == {404}
    assert {program(world, "stranger").get(API + url).status_code for url in API_READS} == {404}
    for url, body in WRITES:
        assert program(world, "stranger").post(API + url, body, format="json").status_code == 404


def test_nobody_sees_anything_without_signing_in(world: World) -> None:
    assert {Client().get(url).status_code for url in READS} == {302}
    assert {APIClient().get(API + url).status_code for url in API_READS} <= {401, 403}


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        ("owner", True),
        ("developer", True),
        ("administrator", True),
        ("tester", False),
        ("approver", False),
        ("viewer", False),
    ],
)
def test_only_those_who_may_can_write(world: World, role: str, allowed: bool) -> None:
    save(world)
    set_secret(world)
    for url, body in WRITES:
        DeployYmlRevision.objects.filter(number__gt=1).delete()
        status = program(world, role).post(API + url, body, format="json").status_code
        assert (status < 300) is allowed, (url, status)
        assert allowed or status == 403
    if not allowed:
        pages = [PAGE, f"{PAGE}revisions/1/restore/", f"{PAGE}secrets/", f"{PAGE}secrets/withdraw/"]
        assert {browser(world, role).post(url, form()).status_code for url in pages} == {403}


def test_a_first_revision_from_the_form(world: World) -> None:
    answer = browser(world).post(PAGE, form(note="first"))
    assert answer.status_code == 302
    revision = DeployYmlRevision.objects.get()
    assert (revision.base, revision.note) == (BASE, "first")


def test_an_override_from_the_form_leaves_the_other_layers_alone(world: World) -> None:
    save(world, overrides={"environments": {"test": {"replicas": 1}}})
    typed = {"layer": "environment:production", "expected_number": "1", "replicas": "6"}
    assert browser(world).post(PAGE, typed).status_code == 302
    assert newest().base == BASE
    assert newest().overrides == {"environments": {"test": {"replicas": 1}, "production": {"replicas": 6}}}


def test_an_emptied_override_is_gone(world: World) -> None:
    save(world, overrides={"environments": {"production": {"replicas": 6}}})
    browser(world).post(PAGE, {"layer": "environment:production", "expected_number": "1"})
    assert newest().overrides == {}


def test_errors_stand_at_their_fields_and_nothing_typed_is_lost(world: World) -> None:
    answer = browser(world).post(PAGE, form(replicas="many", note="keep me") | {"env.0.name": "1-bad"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'value="many"' in page
    assert 'id="f-replicas_error"' in page
    assert 'id="f-env-0-name_error"' in page
    assert "keep me" in page
    assert DeployYmlRevision.objects.count() == 0


def test_somebody_saved_meanwhile(world: World) -> None:
    save(world)
    save(world, {**BASE, "replicas": 3})
    answer = browser(world).post(PAGE, form(replicas="7", expected_number="1"))
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Revision 2 was saved meanwhile by developer" in page
    assert 'name="expected_number" value="2"' in page
    assert 'value="7"' in page
    assert browser(world).post(PAGE, form(replicas="7", expected_number="2")).status_code == 302


def test_the_form_shows_where_values_come_from(world: World) -> None:
    save(world, {**BASE, "replicas": 4})
    page = browser(world).get(PAGE, {"layer": "environment:production"}).content.decode()
    assert 'placeholder="4"' in page
    assert "platform default" in page
    assert "Traffic needs some seconds to move away" in page


@pytest.mark.parametrize("layer", ["environment:none", "target:production/west", "nonsense"])
def test_an_unknown_layer_is_refused(world: World, layer: str) -> None:
    assert browser(world).get(PAGE, {"layer": layer}).status_code == 400


def test_the_preview_shows_what_a_target_gets_and_saves_nothing(world: World) -> None:
    save(world)
    answer = browser(world).post(f"{PAGE}preview/", form(replicas="8", preview_target="production/north"))
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "demo-production" in page
    assert "has no value for this target" in page
    assert "Against revision 1" in page
    assert DeployYmlRevision.objects.count() == 1


def test_the_preview_says_what_is_wrong(world: World) -> None:
    typed = form(preview_target="test/north") | {"resources.limits.memory": "512m"}
    page = browser(world).post(f"{PAGE}preview/", typed).content.decode()
    assert "Did you mean 512Mi?" in page
    assert 'href="#f-resources-limits-memory"' in page


def test_revisions_are_compared_side_by_side(world: World) -> None:
    save(world)
    save(world, {**BASE, "env": [{"name": "GREETING", "value": "bonjour"}, BASE["env"][1]]})
    page = browser(world).get(f"{PAGE}revisions/2/").content.decode()
    assert 'class="removed">' in page
    assert "bonjour" in page
    page = browser(world).get(f"{PAGE}revisions/2/", {"target": "production/north", "against": "1"}).content.decode()
    assert "Deployment storefront" in page
    assert "bonjour" in page


def test_restoring_from_the_page(world: World) -> None:
    save(world)
    save(world, {**BASE, "replicas": 3})
    assert browser(world).post(f"{PAGE}revisions/1/restore/", {"expected_number": "2"}).status_code == 302
    assert (newest().number, newest().base) == (3, BASE)


def test_a_secret_goes_in_and_never_comes_out(world: World) -> None:
    save(world)
    client = browser(world)
    typed = {"key": "DB_PASSWORD", "value": SECRET, "scope": "environment:production"}
    assert client.post(f"{PAGE}secrets/", typed).status_code == 302
    row = SecretValue.objects.get()
    assert (row.reference, row.value) == ("environment:production/DB_PASSWORD@1", SECRET)
    made = program(world).post(API + "secrets/", {"key": "DB_PASSWORD", "value": SECRET}, format="json")
    preview = program(world).post(API + "deployyml/preview/", {"target": "production/north"}, format="json")
    answers = [made, preview, program(world).get(API + "secrets/"), *(client.get(url) for url in READS)]
    answers.append(client.post(f"{PAGE}preview/", form(preview_target="production/north")))
    for answer in answers:
        assert answer.status_code < 300
        assert SECRET not in answer.content.decode()
    assert made.json()["scope"] == "base"


def test_a_refused_secret_is_not_shown_again(world: World) -> None:
    answer = browser(world).post(f"{PAGE}secrets/", {"key": "not a key", "value": SECRET, "scope": "base"})
    assert answer.status_code == 422
    assert SECRET not in answer.content.decode()
    assert "not a key" in answer.content.decode()


def test_withdrawing_from_the_page(world: World) -> None:
    set_secret(world, target=world.south)
    typed = {"key": "DB_PASSWORD", "scope": "target:production/south"}
    assert browser(world).post(f"{PAGE}secrets/withdraw/", typed).status_code == 302
    assert "DB_PASSWORD" not in str(program(world).get(API + "secrets/").json())


def test_the_api_names_fields_in_the_one_error_shape(world: World) -> None:
    body = {**SAVE, "base": {**BASE, "replicas": "x"}, "expected_number": None}
    answer = program(world).post(API + "deployyml/", body, format="json")
    error = answer.json()["error"]
    assert (answer.status_code, error["code"]) == (400, "deployyml.invalid")
    assert error["details"]["fields"]["base.replicas"][0]["message"] == "Expected number, found text."


def test_the_api_answers_409_when_somebody_saved_meanwhile(world: World) -> None:
    save(world)
    answer = program(world).post(API + "deployyml/", {**SAVE, "expected_number": None}, format="json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "deployyml.changed_meanwhile")


def test_the_api_previews_and_compares(world: World) -> None:
    set_secret(world)
    save(world)
    save(world, {**BASE, "replicas": 5})
    client = program(world)
    asked = {"target": "production/north", "image": "a:b"}
    preview = client.post(API + "deployyml/preview/", asked, format="json").json()
    assert preview["schema_version"] == "1.36"
    assert {one["code"]: one["severity"] for one in preview["problems"]}["image_digest_required"] == "block"
    query = {"old": 1, "new": 2, "target": "production/north"}
    (change,) = client.get(API + "deployyml/compare/", query).json()
    replicas = {"path": "spec.replicas", "kind": "changed", "old": 2, "new": 5, "hidden": False}
    assert change["fields_changed"] == [replicas]


def test_an_application_without_a_deployyml(world: World) -> None:
    assert program(world).get(API + "deployyml/").json()["error"]["code"] == "deployyml.missing"
    assert "this is a proposal" in browser(world).get(PAGE).content.decode()


@pytest.mark.parametrize(
    "body", [{"base": 5}, {"base": [], "expected_number": 1}, {}, {"base": {}, "expected_number": "x"}]
)
def test_the_api_refuses_bodies_of_another_shape(world: World, body: dict[str, Any]) -> None:
    answer = program(world).post(API + "deployyml/", json.dumps(body), content_type="application/json")
    assert answer.status_code == 400


@pytest.mark.parametrize("url", READS)
def test_pages_ask_a_constant_number_of_queries(world: World, url: str, django_assert_max_num_queries: Any) -> None:
    for number in range(12):
        save(world, {**BASE, "replicas": number})
    client = browser(world)
    client.get(url)
    with django_assert_max_num_queries(20):
        client.get(url)
