"""Who may call what stands above projects: by person, and by the scopes of the token that acts."""

from __future__ import annotations

from datetime import timedelta

import pytest
from rest_framework.test import APIClient

from apps.accounts import services
from apps.accounts.models import ApiToken
from apps.accounts.roles import Scope
from tests import factories

pytestmark = pytest.mark.django_db

READS = ["connections/", "connections/{connection}/", "clusters/", "clusters/{cluster}/", "cluster-access/"]
WRITES = [
    ("post", "connections/"),
    ("put", "connections/{connection}/"),
    ("delete", "connections/{connection}/"),
    ("post", "connections/{connection}/check/"),
    ("post", "clusters/"),
    ("patch", "clusters/{cluster}/"),
    ("delete", "clusters/{cluster}/"),
    ("post", "clusters/{cluster}/check/"),
    ("put", "clusters/{cluster}/credentials/"),
    ("put", "clusters/{cluster}/maintenance/"),
]
BELOW_ADMIN = [scope for scope in Scope if scope != Scope.ADMIN]


def program(*scopes: str, administrator: bool) -> APIClient:
    person = factories.user(is_superuser=administrator)
    token, text = services.create_token(
        user=person, name="ci", scopes=scopes or ["read"], lifetime=timedelta(days=1), actor=factories.actor(person)
    )
    ApiToken.objects.filter(pk=token.pk).update(scopes=list(scopes))
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


@pytest.fixture
def names() -> dict[str, str]:
    return {"connection": factories.connection("gitlab").slug, "cluster": factories.cluster().slug}


@pytest.mark.parametrize("path", READS)
def test_any_token_reads_and_one_without_scopes_does_not(names: dict[str, str], path: str) -> None:
    address = f"/api/v1/{path.format(**names)}"
    assert APIClient().get(address).status_code == 401
    for administrator in (False, True):
        for scope in Scope:
            assert program(scope, administrator=administrator).get(address).status_code == 200, scope
        refused = program(administrator=administrator).get(address)
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "auth.scope")


@pytest.mark.parametrize(("method", "path"), WRITES)
def test_only_an_administrators_token_of_that_scope_writes(names: dict[str, str], method: str, path: str) -> None:
    def answer(client: APIClient) -> tuple[int, str]:
        said = getattr(client, method)(f"/api/v1/{path.format(**names)}", {}, format="json")
        return said.status_code, said.json()["error"]["code"] if said.status_code in (401, 403) else ""

    assert answer(APIClient()) == (401, "auth.required")
    assert answer(program(*Scope, administrator=False)) == (403, "auth.forbidden")
    assert answer(program(*BELOW_ADMIN, administrator=True)) == (403, "auth.scope")
    assert answer(program(administrator=True)) == (403, "auth.scope")
    status, code = answer(program(Scope.ADMIN, administrator=True))
    assert (status < 500, status not in (401, 403), code) == (True, True, ""), status


@pytest.mark.parametrize("path", ["connections/", "connections/{connection}/"])
def test_who_does_not_administer_gets_what_is_needed_to_choose(names: dict[str, str], path: str) -> None:
    address = f"/api/v1/{path.format(**names)}"

    def fields(client: APIClient) -> set[str]:
        body = client.get(address).json()
        return set(body[0] if isinstance(body, list) else body)

    chosen = {"kind", "slug", "name", "health"}
    assert fields(program(*Scope, administrator=False)) == chosen
    assert fields(program(*BELOW_ADMIN, administrator=True)) == chosen
    assert fields(program(Scope.ADMIN, administrator=True)) > chosen | {"url", "username", "options"}
