"""Signing in, the account, and the people."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.test import Client

from apps.accounts.models import User
from apps.audit.models import AuditEntry
from tests import factories

pytestmark = pytest.mark.django_db


def signed_in(person: User) -> Client:
    client = Client()
    assert client.post("/login/", {"username": person.username, "password": factories.PASSWORD}).status_code == 302
    return client


def test_signing_in_leads_where_one_wanted_but_never_elsewhere(client: Client) -> None:
    person = factories.user()
    typed = {"username": person.username, "password": factories.PASSWORD}
    assert client.post("/login/", typed | {"next": "/audit/"}).headers["Location"] == "/audit/"
    assert Client().post("/login/", typed | {"next": "https://evil.example/"}).headers["Location"] == "/"


def test_guessing_passwords_is_stopped(client: Client) -> None:
    person = factories.user()
    for _ in range(settings.AXES_FAILURE_LIMIT):
        answer = client.post("/login/", {"username": person.username, "password": "wrong"})
    assert answer.status_code == 429
    right = client.post("/login/", {"username": person.username, "password": factories.PASSWORD})
    assert right.status_code == 429


def test_signing_out_needs_a_post() -> None:
    client = signed_in(factories.user())
    assert client.get("/logout/").status_code == 405
    assert client.post("/logout/").status_code == 302
    assert client.get("/account/").status_code == 302


def test_theme_and_language_are_kept() -> None:
    person = factories.user()
    client = signed_in(person)
    assert client.post("/account/theme/", {"theme": "dark"}).status_code == 204
    assert 'data-theme="dark"' in client.get("/account/").content.decode()
    assert client.post("/account/theme/", {"theme": "neon"}).status_code == 400
    client.post("/account/", {"display_name": "Ada", "email": "", "language": "zh-hans", "theme": "light"})
    person.refresh_from_db()
    assert (person.display_name, person.theme, person.language) == ("Ada", "light", "zh-hans")
    assert 'lang="zh-hans"' in client.get("/account/").content.decode()
    assert client.post("/i18n/setlang/", {"language": "en", "next": "/account/"}).status_code == 302
    assert 'lang="en"' in client.get("/account/").content.decode()


def test_the_language_comes_along_into_a_new_browser() -> None:
    person = factories.user()
    first = signed_in(person)
    assert first.post("/i18n/setlang/", {"language": "zh-hans", "next": "/account/"}).status_code == 302
    first.post("/i18n/setlang/", {"language": "tlh", "next": "/account/"})  # no language of ours
    person.refresh_from_db()
    assert person.language == "zh-hans"
    second = signed_in(person)
    assert 'lang="zh-hans"' in second.get("/account/").content.decode()
    second.post("/account/", {"display_name": "", "email": "", "language": "", "theme": "light"})
    assert 'lang="en"' in second.get("/account/", headers={"Accept-Language": "en"}).content.decode()
    second.post("/logout/")
    other = factories.user(language="")
    first.post("/logout/")
    first.post("/login/", {"username": other.username, "password": factories.PASSWORD})
    assert 'lang="en"' in first.get("/account/", headers={"Accept-Language": "en"}).content.decode()


def test_who_is_not_signed_in_chooses_a_language_for_the_browser() -> None:
    client = Client()
    assert client.post("/i18n/setlang/", {"language": "zh-hans", "next": "/login/"}).status_code == 302
    assert 'lang="zh-hans"' in client.get("/login/").content.decode()
    assert not AuditEntry.objects.filter(action="user.update").exists()


def test_a_new_password_ends_the_other_sessions() -> None:
    person = factories.user()
    here, there = signed_in(person), signed_in(person)
    fresh = "a different battery staple"
    typed = {"old_password": factories.PASSWORD, "new_password1": fresh, "new_password2": fresh}
    assert here.post("/account/password/", typed | {"old_password": "wrong"}).status_code == 422
    assert here.post("/account/password/", typed).status_code == 302
    assert here.get("/account/").status_code == 200
    assert there.get("/account/").status_code == 302
    assert fresh not in str(list(AuditEntry.objects.values()))


def test_administrators_add_people_and_lock_them_out() -> None:
    admin = signed_in(factories.user(is_superuser=True))
    typed = {"username": "grace", "display_name": "Grace", "password": "short"}
    assert "password" in admin.post("/people/-/new/", typed).context["form"].errors
    assert admin.post("/people/-/new/", typed | {"password": factories.PASSWORD}).status_code == 302
    twice = admin.post("/people/-/new/", typed | {"password": factories.PASSWORD})
    assert (twice.status_code, list(twice.context["form"].errors)) == (422, ["username"])
    grace = signed_in(User.objects.get(username="grace"))
    assert grace.get("/people/").status_code == 403
    assert admin.post("/people/grace/active/", {"active": "0"}).status_code == 302
    assert grace.get("/account/").status_code == 302


def test_nobody_locks_themselves_out() -> None:
    person = factories.user(is_superuser=True)
    assert signed_in(person).post(f"/people/{person.username}/active/", {"active": "0"}).status_code == 409
    person.refresh_from_db()
    assert person.is_active


def test_the_admin_shows_no_secret_and_edits_nothing() -> None:
    admin = signed_in(factories.user(is_superuser=True, is_staff=True))
    connection = factories.connection("gitlab", secret="glpat-very-secret")
    page = admin.get(f"/admin/connections/connection/{connection.pk}/change/")
    assert page.status_code == 200
    assert "very-secret" not in page.content.decode()
    assert admin.get("/admin/connections/connection/add/").status_code == 403
    assert admin.post(f"/admin/connections/connection/{connection.pk}/delete/", {"post": "yes"}).status_code == 403
    for address in (
        "accounts/user",
        "accounts/apitoken",
        "clusters/cluster",
        "applications/target",
        "audit/auditentry",
    ):
        assert admin.get(f"/admin/{address}/").status_code == 200
