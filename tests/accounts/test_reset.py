"""A password that an administrator resets: shown once, good for one thing, and everybody sees who did it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from apps.accounts import services
from apps.accounts.models import User
from apps.audit.models import AuditEntry
from apps.core.errors import Conflict, InvalidInput
from tests import factories

pytestmark = pytest.mark.django_db
BACKEND = "django.contrib.auth.backends.ModelBackend"
OWN = "a different battery staple"


def sign_in(person: User, password: str) -> tuple[Client, int]:
    client = Client()
    return client, client.post("/login/", {"username": person.username, "password": password}).status_code


@pytest.fixture
def admin() -> User:
    return factories.user(is_superuser=True, is_staff=True)


@pytest.fixture
def office(admin: User) -> Client:
    client = Client()
    client.force_login(admin, backend=BACKEND)
    return client


def test_the_page_shows_it_once_and_the_person_must_choose_their_own(office: Client) -> None:
    person = factories.user()
    before, _ = sign_in(person, factories.PASSWORD)
    shown = office.post(f"/people/{person.username}/password/")
    assert (shown.status_code, shown["Cache-Control"]) == (201, "no-store")
    password = shown.context["one_time_password"]
    assert password in shown.content.decode()
    assert password not in office.get("/people/").content.decode()
    assert password not in str(list(AuditEntry.objects.values()))
    assert before.get("/account/")["Location"].startswith("/login/")  # their sessions ended
    assert sign_in(person, factories.PASSWORD)[1] == 200

    browser, status = sign_in(person, password)
    assert status == 302
    for address in ("/", "/account/", "/projects/", "/people/"):
        assert browser.get(address)["Location"] == "/account/password/own/", address
    api = browser.get("/api/v1/me/")
    assert (api.status_code, api.json()["error"]["code"]) == (403, "auth.password_change")
    assert browser.get("/stream/events").status_code == 403
    again = browser.post("/account/password/own/", {"new_password1": password, "new_password2": password})
    assert again.status_code == 422
    assert "That is the one-time password." in again.content.decode()
    easy = browser.post("/account/password/own/", {"new_password1": "password", "new_password2": "password"})
    assert easy.status_code == 422
    chosen = browser.post("/account/password/own/", {"new_password1": OWN, "new_password2": OWN})
    assert (chosen.status_code, chosen["Location"]) == (302, "/")
    assert browser.get("/account/").status_code == 200
    assert browser.get("/account/password/own/")["Location"] == "/account/"
    assert sign_in(person, password)[1] == 200
    assert sign_in(person, OWN)[1] == 302


def test_leaving_and_the_language_stay_open(office: Client) -> None:
    person = factories.user()
    password = office.post(f"/people/{person.username}/password/").context["one_time_password"]
    browser, _ = sign_in(person, password)
    assert browser.post("/i18n/setlang/", {"language": "zh-hans", "next": "/"}).status_code == 302
    assert 'lang="zh-hans"' in browser.get("/account/password/own/").content.decode()
    assert browser.post("/logout/").status_code == 302


def test_it_ends_when_nobody_uses_it(office: Client) -> None:
    person = factories.user()
    password = office.post(f"/people/{person.username}/password/").context["one_time_password"]
    User.objects.filter(pk=person.pk).update(one_time_password_until=timezone.now() - timedelta(seconds=1))
    client = Client()
    refused = client.post("/login/", {"username": person.username, "password": password})
    assert refused.status_code == 200
    assert "has ended" in refused.content.decode()
    assert "_auth_user_id" not in client.session


def test_it_lets_in_who_was_locked_after_too_many_tries(office: Client) -> None:
    person = factories.user()
    for _ in range(settings.AXES_FAILURE_LIMIT):
        locked = sign_in(person, "wrong")[1]
    assert locked == 429
    password = office.post(f"/people/{person.username}/password/").context["one_time_password"]
    assert sign_in(person, password)[1] == 302


def test_the_api_resets_with_the_same_rights(admin: User) -> None:
    person = factories.user()
    program = APIClient()
    program.force_login(admin, backend=BACKEND)
    address = f"/api/v1/users/{person.username}/"
    made = program.post(f"{address}password/")
    assert (made.status_code, made["Cache-Control"]) == (201, "no-store")
    assert sign_in(person, made.json()["password"])[1] == 302
    assert program.get(address).json()["must_change_password"] is True
    assert program.patch(address, {"is_active": False}, format="json").json()["is_active"] is False
    assert sign_in(person, made.json()["password"])[1] == 200
    assert program.post("/api/v1/users/nobody/password/").status_code == 404
    entry = AuditEntry.objects.get(action="user.password_reset")
    assert (entry.actor_id, entry.object_id, entry.details) == (admin.pk, person.pk, {})


def test_only_administrators_reset_and_nobody_their_own(admin: User, office: Client) -> None:
    person, other = factories.user(), factories.user()
    client, program = Client(), APIClient()
    for each in (client, program):
        each.force_login(person, backend=BACKEND)
    assert client.post(f"/people/{other.username}/password/").status_code == 403
    assert client.get(f"/people/{other.username}/password/").status_code == 405
    assert program.post(f"/api/v1/users/{other.username}/password/").status_code == 403
    assert program.patch(f"/api/v1/users/{other.username}/", {"is_active": False}, format="json").status_code == 403
    assert office.post(f"/people/{admin.username}/password/").status_code == 409
    with pytest.raises(Conflict):
        services.reset_password(user=admin, actor=factories.actor(admin))
    assert not AuditEntry.objects.filter(action="user.password_reset").exists()


def test_the_admin_resets_one_at_a_time(office: Client) -> None:
    person, other = factories.user(), factories.user()
    action = {"action": "reset_password", "_selected_action": [person.pk, other.pk]}
    two = office.post("/admin/accounts/user/", action, follow=True)
    assert "Choose one person" in two.content.decode()
    shown = office.post("/admin/accounts/user/", action | {"_selected_action": [person.pk]})
    password = shown.context["password"]
    assert shown.status_code == 200
    assert "no-store" in shown["Cache-Control"]
    assert password in shown.content.decode()
    assert sign_in(person, password)[1] == 302


def test_the_admin_has_no_way_in_of_its_own() -> None:
    assert Client().get("/admin/login/")["Location"].startswith("/login/")
    assert Client().get("/admin/accounts/user/", follow=True).request["PATH_INFO"] == "/login/"
    assert Client().get("/admin/password_change/")["Location"] == "/account/"


def test_a_token_works_on(office: Client) -> None:
    """It was not the password that was given away; who resets because of a theft revokes tokens, too."""
    person = factories.user()
    _, text = services.create_token(
        user=person, name="ci", scopes=["read"], lifetime=timedelta(days=1), actor=factories.actor(person)
    )
    office.post(f"/people/{person.username}/password/")
    program = APIClient()
    program.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    assert program.get("/api/v1/me/").status_code == 200


def test_a_one_time_password_is_no_password_of_ones_own(admin: User) -> None:
    person = factories.user()
    password = services.reset_password(user=person, actor=factories.actor(admin))
    with pytest.raises(InvalidInput):
        services.change_password(user=person, password=password, actor=factories.actor(person))
