"""The API's limit of requests a person."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings as configured
from django.core.cache import cache
from rest_framework.test import APIClient

from tests import factories

NOBODY_LISTENS = "redis://127.0.0.1:1/0"
pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> APIClient:
    client = APIClient()
    client.force_login(factories.user())
    return client


def test_redis_away_takes_no_answer_away(client: APIClient, settings: Any) -> None:
    settings.CACHES = {"default": {**configured.CACHES["default"], "LOCATION": NOBODY_LISTENS}}
    assert client.get("/api/v1/projects/").status_code == 200


def test_who_asks_too_often_is_told_when_to_come_back(client: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.clear()
    monkeypatch.setattr("apps.core.throttling.PersonThrottle.THROTTLE_RATES", {"user": "2/min"})
    answers = [client.get("/api/v1/projects/") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1].json()["error"]["code"] == "request.throttled"
    assert 0 < int(answers[-1]["Retry-After"]) <= 60
