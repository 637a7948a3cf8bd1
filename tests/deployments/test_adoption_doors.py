"""Who may adopt, and what the doors answer when the cluster is away."""

from __future__ import annotations

from typing import Any

import pytest

from apps.accounts.roles import Action, allows
from apps.manifests.models import Adoption
from tests.deployments.rows import Rows, browser, make

ROLES = ["owner", "developer", "tester", "approver", "viewer", "platform_admin"]


@pytest.fixture
def rows(db: None, settings: Any) -> Rows:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # eight people a test
    return make()


def pages(rows: Rows) -> tuple[str, str]:
    root = rows.application.get_absolute_url()
    place = f"{rows.target.environment.slug}/{rows.target.slug}"
    return f"{root}adopt/", f"{root}adopt/{place}/web/"


def apis(rows: Rows) -> tuple[str, str]:
    place = f"{rows.target.environment.slug}/{rows.target.slug}"
    root = f"/api/v1{rows.application.get_absolute_url()}targets/{place}/adoptable/"
    return root, f"{root}web/"


@pytest.mark.parametrize("role", ROLES)
def test_who_may_edit_the_form_may_adopt(rows: Rows, role: str) -> None:
    may = allows("owner" if role == "platform_admin" else role, Action.EDIT_DEPLOYYML)
    client = browser(getattr(rows.people, role))
    choose, one = pages(rows)
    # The cluster of these rows is away: 503 says that the door was open.
    assert client.get(choose).status_code == (200 if may else 403)
    assert client.get(one).status_code == (503 if may else 403)
    for url in apis(rows):
        assert client.get(url).status_code == (503 if may else 403)
    assert client.post(apis(rows)[1], {}, content_type="application/json").status_code == (503 if may else 403)
    # Nothing is adopted here, which is known without the cluster.
    assert client.delete(apis(rows)[1]).status_code == (404 if may else 403)
    assert client.post(f"{one}withdraw/").status_code == (404 if may else 403)


def test_strangers_find_nothing(rows: Rows) -> None:
    client = browser(rows.people.stranger)
    assert {client.get(url).status_code for url in (*pages(rows), *apis(rows))} == {404}
    assert client.post(apis(rows)[1], {}, content_type="application/json").status_code == 404
    assert Adoption.objects.count() == 0


def test_a_dead_cluster_is_told_on_the_page(rows: Rows) -> None:
    text = browser(rows.people.owner).get(pages(rows)[0]).content.decode()
    assert "The cluster cannot be asked" in text
