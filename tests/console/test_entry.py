"""The first login, and health for those who watch the process."""

from __future__ import annotations

import io
import json
import stat
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from apps.accounts.models import ApiToken, User
from apps.accounts.services import revoke_token
from apps.core.actors import system_actor


def bootstrap(state: Path, *options: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("bootstrap", "--json", "--state", str(state), *options, stdout=out)
    login: dict[str, Any] = json.loads(out.getvalue())
    return login


def test_bootstrap_is_made_once_and_given_back(db: None, tmp_path: Path) -> None:
    first, again = bootstrap(tmp_path), bootstrap(tmp_path)
    assert again == {**first, "password": None}
    user = User.objects.get(username="admin")
    assert user.check_password(first["password"])
    assert user.is_superuser
    kept = tmp_path / "bootstrap-token"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert kept.read_text().strip() == first["token"]
    answer = Client().get("/api/v1/", headers={"Authorization": f"Bearer {first['token']}"})
    assert answer.status_code == 200
    assert answer.json()["releases"].endswith("/api/v1/releases/")


def test_bootstrap_makes_a_new_token_where_the_old_one_is_lost_or_revoked(db: None, tmp_path: Path) -> None:
    first = bootstrap(tmp_path)
    revoke_token(token=ApiToken.objects.get(revoked_at=None), actor=system_actor("test"))
    second = bootstrap(tmp_path)
    (tmp_path / "bootstrap-token").unlink()
    third = bootstrap(tmp_path)
    assert len({first["token"], second["token"], third["token"]}) == 3
    assert ApiToken.objects.filter(revoked_at=None).count() == 1


def test_bootstrap_reset_gives_a_new_password_and_token(db: None, tmp_path: Path) -> None:
    first, reset = bootstrap(tmp_path), bootstrap(tmp_path, "--reset")
    assert reset["password"] != first["password"]
    assert reset["token"] != first["token"]
    assert User.objects.get(username="admin").check_password(reset["password"])


def test_health_needs_no_login(db: None) -> None:
    assert Client().get("/healthz").content == b"ok\n"
    answer = Client().get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "checks": {"database": True, "migrations": True, "redis": True}}


def test_readiness_names_what_is_away(db: None, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"] == {"database": True, "migrations": True, "redis": False}
    assert Client().get("/healthz").status_code == 200


@pytest.mark.parametrize("url", ["/", "/apps/", "/releases/", "/approvals/", "/search?q=x", "/gallery/"])
def test_pages_ask_for_a_login(db: None, url: str) -> None:
    assert Client().get(url).status_code == 302
