"""What open pages hear: only what the person may see, at once, and no longer than they may."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx2
import pytest
from django.conf import settings as django_settings
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.applications.models import Membership
from apps.console import streams, topics
from apps.core import live
from tests import factories
from tests.console.asgi import serving


@pytest.fixture
def server(transactional_db: None) -> Iterator[str]:
    with serving() as address:
        yield address


def cookies(person: User) -> dict[str, str]:
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return {django_settings.SESSION_COOKIE_NAME: client.cookies[django_settings.SESSION_COOKIE_NAME].value}


def lines(response: httpx2.Response) -> Iterator[str]:
    return (line for line in response.iter_lines() if line)


def test_a_page_hears_of_its_topics_and_of_no_others(server: str) -> None:
    mine, foreign = factories.project(), factories.project()
    person = factories.user()
    factories.member(mine, person, Role.VIEWER)
    asked = f"project:{mine.pk},project:{foreign.pk}"
    with (
        httpx2.Client(base_url=server, cookies=cookies(person), timeout=10) as client,
        client.stream("GET", "/stream/events", params={"topics": asked}) as response,
    ):
        assert response.status_code == 200
        assert response.headers["Content-Type"].startswith("text/event-stream")
        heard = lines(response)
        assert next(heard) == ": open"
        live.announce([f"project:{foreign.pk}"])
        live.announce([f"project:{foreign.pk}", f"project:{mine.pk}"])
        data = next(line for line in heard if line.startswith("data:"))
        assert json.loads(data.removeprefix("data:")) == [f"project:{mine.pk}"]


def test_who_sees_none_of_the_topics_or_is_signed_out_is_refused(server: str) -> None:
    project = factories.project()
    url = f"{server}/stream/events?topics=project:{project.pk}"
    assert httpx2.get(url).status_code == 401
    assert httpx2.get(url, cookies=cookies(factories.user())).status_code == 403


@pytest.mark.parametrize("loss", ["membership", "session", "account"])
def test_a_stream_ends_when_the_right_is_lost(server: str, monkeypatch: pytest.MonkeyPatch, loss: str) -> None:
    monkeypatch.setattr(streams, "REAUTHORIZE_SECONDS", 0.3)
    project, person = factories.project(), factories.user()
    factories.member(project, person, Role.VIEWER)
    with (
        httpx2.Client(base_url=server, cookies=cookies(person), timeout=10) as client,
        client.stream("GET", "/stream/events", params={"topics": f"project:{project.pk}"}) as response,
    ):
        heard = lines(response)
        assert next(heard) == ": open"
        if loss == "membership":
            Membership.objects.all().delete()
        elif loss == "session":
            Session.objects.all().delete()
        else:
            User.objects.filter(pk=person.pk).update(is_active=False)
        assert [line for line in heard if line.startswith("data:")] == []  # ends, or the time-out fails the test


def test_a_stream_holds_no_database_connection_and_ends_with_the_browser(server: str) -> None:
    project = factories.project()
    person = factories.user(is_superuser=True)
    signed_in = cookies(person)

    def open_connections() -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
            return int(cursor.fetchone()[0])

    before = open_connections()
    with contextlib_streams(server, signed_in, f"project:{project.pk}", 12):
        # Threads that answered may keep one each for a while, streams keep none.
        assert open_connections() - before < 6
    with httpx2.Client(base_url=server, timeout=10) as client:
        assert client.get("/healthz").status_code == 200


class contextlib_streams:  # noqa: N801 - reads as a context manager
    """Hold several streams open."""

    def __init__(self, server: str, signed_in: dict[str, str], topic: str, count: int) -> None:
        self.client = httpx2.Client(base_url=server, cookies=signed_in, timeout=10)
        self.topic, self.count = topic, count
        self.open: list[object] = []

    def __enter__(self) -> None:
        for _ in range(self.count):
            held = self.client.stream("GET", "/stream/events", params={"topics": self.topic})
            response = held.__enter__()
            assert next(lines(response)) == ": open"
            self.open.append(held)

    def __exit__(self, *_: object) -> None:
        for held in self.open:
            held.__exit__(None, None, None)  # type: ignore[attr-defined]
        self.client.close()


@pytest.mark.parametrize(
    "topic",
    ["", "project", "project:", "project:x", "project:-1", "project:٣", "nothing:1", "user:1", "project:" + "9" * 30],
)
def test_topics_that_make_no_sense_are_nobodys(db: None, topic: str) -> None:
    assert topics.allowed(factories.actor(factories.user(is_superuser=True)), [topic]) == frozenset()


def test_topics_of_every_noun_follow_the_project(db: None) -> None:
    owner, stranger = factories.user(), factories.user()
    project = factories.project(owner)
    application = factories.application(project)
    environment = factories.environment(project)
    target = factories.target(environment)
    asked = [
        f"project:{project.pk}",
        f"application:{application.pk}",
        f"environment:{environment.pk}",
        f"target:{target.pk}",
    ]
    assert topics.allowed(factories.actor(owner), asked) == frozenset(asked)
    assert topics.allowed(factories.actor(stranger), asked) == frozenset()
    assert topics.allowed(factories.actor(owner), [f"connection:{application.gitlab_id}"]) == frozenset()
    admin = factories.user(is_superuser=True)
    assert topics.allowed(factories.actor(admin), [f"connection:{application.gitlab_id}"])
