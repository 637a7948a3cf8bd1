"""Errors look the same at every door, and each answer can be found again in the logs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from apps.applications.forms import MemberForm
from apps.builds.models import Build
from apps.core.errors import Conflict, InvalidInput
from apps.core.forms import add_refusal
from apps.core.logging import redact_sensitive_keys
from tests import factories

from .rows import build

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("get", "/api/v1/projects/nowhere/", 404, "object.missing"),
        ("put", "/api/v1/projects/", 405, "request.method"),
        ("post", "/api/v1/projects/", 400, "input.invalid"),
        ("post", "/api/v1/users/", 403, "auth.forbidden"),
    ],
)
def test_api_errors_have_one_shape(method: str, path: str, status: int, code: str) -> None:
    client = APIClient()
    client.force_login(factories.user(), backend="django.contrib.auth.backends.ModelBackend")
    answer = getattr(client, method)(path, {}, format="json", HTTP_X_REQUEST_ID="from-the-caller-1")
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert set(answer.json()["error"]) == {"code", "message", "hint", "details", "request_id"}
    assert answer.json()["error"]["request_id"] == answer.headers["X-Request-ID"] == "from-the-caller-1"


@pytest.mark.django_db
def test_who_is_not_signed_in_is_told_how() -> None:
    answer = APIClient().get("/api/v1/me/")
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "auth.required")
    assert "Bearer" in answer.headers["WWW-Authenticate"]
    page = Client().get("/projects/")
    assert (page.status_code, page.headers["Location"]) == (302, "/login/?next=/projects/")


@pytest.mark.django_db
def test_other_than_json_is_refused_in_words() -> None:
    client = APIClient()
    client.force_login(factories.user(), backend="django.contrib.auth.backends.ModelBackend")
    answer = client.post("/api/v1/projects/", "slug=x", content_type="text/plain")
    assert (answer.status_code, answer.json()["error"]["code"]) == (415, "request.media_type")


@pytest.mark.django_db
@pytest.mark.parametrize("given", ["short", "spaces are no good", "x" * 65, "line\\nbreak"])
def test_a_malformed_request_id_is_not_adopted(given: str) -> None:
    answer = Client().get("/login/", HTTP_X_REQUEST_ID=given)
    assert answer.headers["X-Request-ID"] != given


@pytest.mark.django_db
def test_an_error_page_says_what_and_gives_a_reference(client: Client) -> None:
    client.force_login(factories.user(), backend="django.contrib.auth.backends.ModelBackend")
    answer = client.get("/projects/nowhere/settings/")
    assert answer.status_code == 404
    assert answer.headers["X-Request-ID"] in answer.content.decode()
    asked_for_json = client.get("/projects/nowhere/settings/", HTTP_ACCEPT="application/json")
    assert asked_for_json.json()["error"]["code"] == "object.missing"


def test_logs_hold_no_credential_by_its_name() -> None:
    entry: dict[str, Any] = {"event": "x", "api_token": "a", "Password": "b", "kubeconfig": "c", "path": "/x"}
    shown = json.dumps(redact_sensitive_keys(None, "info", entry))
    assert json.loads(shown) == {
        "event": "x", "api_token": "[redacted]", "Password": "[redacted]", "kubeconfig": "[redacted]", "path": "/x"
    }  # fmt: skip


def test_a_refusal_stands_at_its_field() -> None:
    form = MemberForm({"username": "a", "role": "viewer"})
    assert form.is_valid()
    add_refusal(form, Conflict("member.last_owner"), conflict="role")
    add_refusal(
        form, InvalidInput(fields={"username": ["unknown person"], "users[0].exec": ["runs"]}), inside="username"
    )
    assert set(form.errors) == {"role", "username"}
    assert form.errors["username"] == ["unknown person", "users[0].exec: runs"]


@pytest.mark.django_db(transaction=True)
def test_a_click_is_kept_while_redis_is_away() -> None:
    row = build()
    code = (
        "import django; django.setup()\n"
        "from apps.builds.models import Build\n"
        f"assert Build.objects.get(pk={row.pk}).request_cancel()\n"
    )
    name = connection.settings_dict["NAME"]
    database = os.environ["DATABASE_URL"].rpartition("/")[0] + f"/{name}"
    nobody = "redis://127.0.0.1:1/0"
    environment = {
        **os.environ,
        "DATABASE_URL": database,
        "REDIS_URL": nobody,
        "DJANGO_SETTINGS_MODULE": "paas.settings",
    }
    environment.pop("SLIPWAY_BROKER_URL", None)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    assert Build.objects.get(pk=row.pk).cancel_requested_at is not None
    assert b"dispatch.not_sent" in done.stderr + done.stdout
