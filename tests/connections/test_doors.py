"""Connections belong to administrators, and their secrets never leave."""

from __future__ import annotations

import pytest
from django.test import Client
from rest_framework.test import APIClient

from tests import factories

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", ""), ("get", "-/new/?kind=gitlab"), ("post", "-/new/?kind=gitlab"), ("get", "{slug}/"),
        ("post", "{slug}/"), ("post", "{slug}/check/"), ("post", "{slug}/delete/"),
    ],
)  # fmt: skip
def test_pages_are_for_administrators(client: Client, method: str, path: str) -> None:
    slug = factories.connection("gitlab").slug
    for person, refused in ((factories.user(), True), (factories.user(is_superuser=True), False)):
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        answer = getattr(client, method)(f"/connections/{path.format(slug=slug)}", {})
        assert (answer.status_code == 403) is refused
        assert answer.status_code < 500


def test_no_answer_holds_a_secret(client: Client) -> None:
    row = factories.connection("gitlab", secret="very-secret", webhook_secret="very-hidden")
    admin = factories.user(is_superuser=True)
    client.force_login(admin, backend="django.contrib.auth.backends.ModelBackend")
    program = APIClient()
    program.force_login(admin, backend="django.contrib.auth.backends.ModelBackend")
    answers = [
        client.get("/connections/"),
        client.get(f"/connections/{row.slug}/"),
        program.get("/api/v1/connections/"),
    ]
    for answer in answers:
        assert answer.status_code == 200
        assert "very-" not in answer.content.decode()
    assert program.get(f"/api/v1/connections/{row.slug}/").json()["has_secret"] is True
    typed = {"name": "x", "url": factories.UNREACHABLE, "secret": "typed-secret"}
    again = client.post(f"/connections/{row.slug}/", typed)
    assert again.status_code == 422
    assert "typed-secret" not in again.content.decode()
    assert "url" in again.context["form"].errors
