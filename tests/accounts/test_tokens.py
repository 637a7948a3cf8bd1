"""API tokens: stored as a hash, limited by scope, expiry and revocation."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from apps.accounts import services
from apps.accounts.models import ApiToken, User
from apps.accounts.roles import Scope
from apps.core.errors import Conflict, InvalidInput, NotAllowed
from tests import factories

pytestmark = pytest.mark.django_db
A_DAY = timedelta(days=1)


def make(person: User, *scopes: str, name: str = "ci") -> tuple[ApiToken, str]:
    return services.create_token(
        user=person, name=name, scopes=scopes or ("read",), lifetime=A_DAY, actor=factories.actor(person)
    )


def program(text: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


def test_only_its_hash_is_stored() -> None:
    token, text = make(factories.user())
    row = ApiToken.objects.filter(pk=token.pk).values().get()
    assert text not in str(row)
    assert row["digest"] == services.digest_of(text)
    assert program(text).get("/api/v1/me/").json()["scopes"] == ["read"]


def test_revoked_expired_unknown_and_locked_out_are_all_refused() -> None:
    person = factories.user()
    token, text = make(person)
    expired, old = make(person, name="old")
    ApiToken.objects.filter(pk=expired.pk).update(expires_at=timezone.now() - A_DAY)
    assert program(old).get("/api/v1/me/").status_code == 401
    assert program("slp_nonsense").get("/api/v1/me/").status_code == 401
    assert program(text).get("/api/v1/me/").status_code == 200
    services.revoke_token(token=token, actor=factories.actor(person))
    assert program(text).get("/api/v1/me/").status_code == 401
    _, another = make(person, name="another")
    services.set_active(user=person, active=False, actor=factories.actor(factories.user(is_superuser=True)))
    assert program(another).get("/api/v1/me/").status_code == 401


def test_a_scope_is_a_limit_even_for_an_owner() -> None:
    owner = factories.user()
    project = factories.project(owner)
    address = f"/api/v1/projects/{project.slug}/environments/"
    wanted = {"slug": "test", "name": "Test", "stage": "test"}
    _, reading = make(owner, "read")
    _, ruling = make(owner, "admin", name="ruling")
    refused = program(reading).post(address, wanted, format="json")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "auth.scope")
    assert program(reading).get(address).status_code == 200
    assert program(ruling).post(address, wanted, format="json").status_code == 201


def test_a_token_is_no_way_up() -> None:
    person = factories.user()
    _, text = make(person, "read", "build")
    answer = program(text).post("/api/v1/tokens/", {"name": "more", "scopes": ["admin"], "days": 1}, format="json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "token.wider")
    with pytest.raises(NotAllowed):
        services.create_token(
            user=person, name="x", scopes=["admin"], lifetime=A_DAY, actor=factories.actor(person, frozenset({"read"}))
        )


def test_a_read_token_of_an_administrator_administers_nothing() -> None:
    admin = factories.user(is_superuser=True)
    _, text = make(admin, "read")
    assert program(text).get("/api/v1/users/").json()["error"]["code"] == "auth.scope"
    _, ruling = make(admin, "admin", name="ruling")
    assert program(ruling).get("/api/v1/users/").status_code == 200


@pytest.mark.parametrize(("scopes", "days"), [([], 1), (["everything"], 1), (["read"], 0), (["read"], 400)])
def test_what_makes_no_sense_is_refused(scopes: list[str], days: int) -> None:
    person = factories.user()
    with pytest.raises(InvalidInput):
        services.create_token(
            user=person, name="x", scopes=scopes, lifetime=timedelta(days=days), actor=factories.actor(person)
        )


def test_a_name_is_free_again_after_revoking() -> None:
    person = factories.user()
    token, _ = make(person)
    with pytest.raises(Conflict):
        make(person)
    services.revoke_token(token=token, actor=factories.actor(person))
    make(person)


def test_nobody_revokes_anothers() -> None:
    token, _ = make(factories.user())
    _, text = make(factories.user(), *Scope)
    assert program(text).delete(f"/api/v1/tokens/{token.pk}/").status_code == 404


def test_the_page_shows_a_token_once() -> None:
    person = factories.user()
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    made = client.post("/account/tokens/", {"name": "ci", "scopes": ["read"], "days": "30"})
    assert made.status_code == 201
    assert made.headers["Cache-Control"] == "no-store"
    text = made.context["new_token_text"]
    assert text in made.content.decode()
    assert text not in client.get("/account/").content.decode()
    again = client.post("/account/tokens/", {"name": "ci", "scopes": ["read"], "days": "30"})
    assert again.status_code == 422
    assert "ci" in again.context["token_form"].errors["name"][0]


def test_a_token_makes_none_that_outlives_it_and_revokes_only_itself() -> None:
    person = factories.user()
    kept, _ = make(person, name="kept")
    own, text = make(person, "read", name="own")
    longer = {"name": "longer", "scopes": ["read"], "days": 366}
    answer = program(text).post("/api/v1/tokens/", longer, format="json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "token.longer")
    refused = program(text).delete(f"/api/v1/tokens/{kept.pk}/")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "auth.scope")
    assert program(text).delete(f"/api/v1/tokens/{own.pk}/").status_code == 204
    _, ruling = make(person, "admin", name="ruling")
    assert program(ruling).delete(f"/api/v1/tokens/{kept.pk}/").status_code == 204


def test_a_reading_token_makes_no_project() -> None:
    person = factories.user()
    _, text = make(person, "read")
    wanted = {"slug": factories.unique("made"), "name": "Made"}
    answer = program(text).post("/api/v1/projects/", wanted, format="json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "auth.scope")
    _, ruling = make(person, "admin", name="ruling")
    assert program(ruling).post("/api/v1/projects/", wanted, format="json").status_code == 201
