"""The search for a planted secret finds it wherever it is planted; otherwise finding nothing would prove nothing."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import redis
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from apps.accounts import services as accounts
from apps.audit import services as audit
from apps.core.actors import system_actor
from deploy.local.story import leaks
from deploy.local.story.api import Person, StoryError
from tests import factories

SECRET = "a-value-that-was-planted"


@given(before=st.binary(max_size=7), after=st.binary(max_size=7), secret=st.text(min_size=6, max_size=30))
def test_secret_is_known_in_base64_and_hex_whatever_is_around_it(before: bytes, after: bytes, secret: str) -> None:
    content = before + secret.encode() + after
    for text in (base64.b64encode(content).decode(), content.hex()):
        assert leaks.search(secret, [("here", text)]).places == ["here"]


def test_other_values_are_not_taken_for_it() -> None:
    places = [("plain", "a-value-that-was-plant"), ("base64", base64.b64encode(b"another value").decode())]
    found = leaks.search(SECRET, places)
    assert (found.seen, found.places) == (2, [])


@pytest.fixture
def database_url() -> str:
    settings = connection.settings_dict
    base, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    return f"{base}/{settings['NAME']}"


@pytest.mark.django_db(transaction=True)
def test_secret_in_an_audit_row_is_found(database_url: str) -> None:
    assert leaks.search(SECRET, leaks.database(database_url)).places == []
    audit.record(actor=system_actor("test"), action="secret.planted", subject=None, value=SECRET)
    assert leaks.search(SECRET, leaks.database(database_url)).places == ["table audit_auditentry"]


@pytest.mark.django_db(transaction=True)
def test_secret_in_stored_bytes_is_found(database_url: str) -> None:
    with psycopg2.connect(database_url) as connected, connected.cursor() as cursor:
        cursor.execute("create table planted (content bytea)")
        cursor.execute("insert into planted values (%s)", (f"password: {SECRET}\n".encode(),))
    connected.close()
    try:
        assert leaks.search(SECRET, leaks.database(database_url)).places == ["table planted"]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("drop table planted")


@pytest.fixture
def store() -> Iterator[redis.Redis]:
    client = redis.Redis.from_url(os.environ["REDIS_URL"])
    yield client
    client.delete("planted")
    client.close()


@pytest.mark.parametrize("kind", ["list", "string", "hash", "set", "zset", "stream"])
def test_secret_in_redis_is_found(store: redis.Redis, kind: str) -> None:
    # As Celery sends it: the arguments in JSON, that in base64, that in JSON.
    message = json.dumps({"body": base64.b64encode(json.dumps([[SECRET], {}]).encode()).decode()})
    match kind:
        case "list":
            store.lpush("planted", message)
        case "string":
            store.set("planted", message)
        case "hash":
            store.hset("planted", "field", message)
        case "set":
            store.sadd("planted", message)
        case "zset":
            store.zadd("planted", {message: 1})
        case _:
            store.xadd("planted", {"message": message})
    assert leaks.search(SECRET, leaks.store(os.environ["REDIS_URL"])).places == ["redis b'planted'"]


@pytest.mark.django_db(transaction=True)
def test_secret_in_an_answer_of_the_api_is_found(live_server: Any) -> None:
    admin = factories.user(is_superuser=True)
    lifetime, actor = timedelta(days=1), factories.actor(admin)
    _, token = accounts.create_token(user=admin, name="search", scopes=["read"], lifetime=lifetime, actor=actor)
    factories.project(admin, slug="innocent")
    person = Person(live_server.url, "admin", token)
    try:
        found = leaks.search(SECRET, leaks.answers(person, live_server.url, complete=False))
        assert found.seen > 10
        assert found.places == []
        factories.project(admin, slug="careless", description=f"the password is {SECRET}")
        found = leaks.search(SECRET, leaks.answers(person, live_server.url, complete=False))
        assert "answer of /api/v1/projects/" in found.places
        with pytest.raises(StoryError, match="answered nothing"):
            list(leaks.answers(person, live_server.url))
    finally:
        person.close()


def test_secret_in_a_log_is_found(tmp_path: Path) -> None:
    (tmp_path / "web.log").write_text(f'{{"event": "request", "query": "?token={SECRET}"}}\n')
    (tmp_path / "beat.log").write_text("nothing\n")
    found = leaks.search(SECRET, leaks.files(tmp_path))
    assert (found.seen, found.places) == (2, ["log web.log"])
