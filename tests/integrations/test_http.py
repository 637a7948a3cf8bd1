"""Unhappy answers over real sockets: what each becomes, what is repeated and what never is."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from apps.integrations import calls
from apps.integrations.calls import Effect, Timeout
from apps.integrations.connection import Connection
from apps.integrations.errors import (
    AlreadyExists,
    IntegrationError,
    Missing,
    OutcomeUnknown,
    Rejected,
    Stale,
    Unauthorized,
    Unavailable,
    UnexpectedResponse,
    Untrusted,
)
from apps.integrations.http import HttpClient
from deploy.sandbox.common.authority import Authority

from .scripted import CUT, SILENCE, Reply, Scripted, answer, closed_port, scripted

SECRET = "s3cr3t-token-value"
QUICK = Timeout(connect=1.0, read=0.3)
Ask = Callable[..., object]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def client_of(url: str, **changes: object) -> HttpClient:
    connection = Connection("harbor", "test", url, username="robot", secret=SECRET, ca_pem=str(changes.pop("ca", "")))
    return HttpClient(connection, timeout=QUICK, auth=("robot", SECRET), **changes)  # type: ignore[arg-type]


def ask(server: Scripted | str, method: str = "GET", **given: object) -> object:
    client = client_of(server if isinstance(server, str) else server.url)
    try:
        return client.request(method, "/thing", operation="read thing", **given).json()  # type: ignore[arg-type]
    finally:
        client.close()


def test_an_answer_is_returned() -> None:
    with scripted(answer(200, {"name": "x"})) as server:
        assert ask(server) == {"name": "x"}
        assert server.requests == ["GET /thing"]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, Rejected),
        (401, Unauthorized),
        (403, Unauthorized),
        (404, Missing),
        (409, AlreadyExists),
        (410, Stale),
        (412, Stale),
        (413, Rejected),
        (422, Rejected),
    ],
)
def test_a_refusal_is_told_once_and_not_repeated(status: int, error: type[IntegrationError]) -> None:
    with scripted(answer(status, b"no way")) as server, pytest.raises(IntegrationError) as caught:
        ask(server)
    assert type(caught.value) is error
    assert (caught.value.status, caught.value.message, caught.value.retryable) == (status, "no way", False)
    assert len(server.requests) == 1


@pytest.mark.parametrize("first", [answer(500), answer(502), answer(503), answer(429), CUT], ids=str)
def test_a_read_is_repeated_after_a_hiccup(first: Reply) -> None:
    with scripted(first, answer(200, {"ok": 1})) as server:
        assert ask(server) == {"ok": 1}
        assert len(server.requests) == 2


@pytest.mark.parametrize(("method", "requests"), [("GET", 3), ("PUT", 3), ("DELETE", 3), ("POST", 1)])
def test_only_what_may_happen_twice_is_sent_again(method: str, requests: int) -> None:
    with scripted(answer(503)) as server, pytest.raises(Unavailable) as caught:
        ask(server, method)
    assert caught.value.retryable
    assert len(server.requests) == requests


def test_a_post_that_may_happen_twice_says_so() -> None:
    with scripted(answer(503), answer(200, {})) as server:
        assert ask(server, "POST", effect=Effect.REPEATABLE) == {}


def test_the_wait_that_a_server_asks_for_is_kept_or_handed_on() -> None:
    with scripted(answer(429, headers={"Retry-After": "1"}), answer(200, {})) as server:
        began = time.monotonic()
        ask(server)
        assert time.monotonic() - began >= 1.0
    with scripted(answer(429, headers={"Retry-After": "120"})) as server, pytest.raises(Unavailable) as caught:
        ask(server)
    assert caught.value.retry_after == 120
    assert len(server.requests) == 1


def test_nobody_listens() -> None:
    for method in ("GET", "POST"):
        with pytest.raises(Unavailable):
            ask(closed_port(), method)


@pytest.mark.parametrize(
    ("reply", "method", "error"),
    [
        (SILENCE, "GET", Unavailable),
        (SILENCE, "PUT", Unavailable),
        (SILENCE, "POST", OutcomeUnknown),
        (CUT, "POST", OutcomeUnknown),
        (answer(201, {"id": 7}, cut=3), "POST", OutcomeUnknown),
        (answer(200, {"id": 7}, cut=3), "GET", Unavailable),
        (answer(502), "POST", OutcomeUnknown),
        (answer(504), "POST", OutcomeUnknown),
    ],
    ids=lambda value: getattr(value, "__name__", None) or str(value)[:40],
)
def test_a_write_without_an_answer_has_an_unknown_outcome(
    reply: Reply, method: str, error: type[IntegrationError]
) -> None:
    with scripted(reply) as server, pytest.raises(IntegrationError) as caught:
        ask(server, method)
    assert type(caught.value) is error
    assert caught.value.retryable is (error is Unavailable)
    if method == "POST":
        assert len(server.requests) == 1


def test_an_outage_is_not_sat_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "PATIENCE", 0.5)
    began = time.monotonic()
    with scripted(SILENCE) as server, pytest.raises(Unavailable):
        ask(server)
    assert time.monotonic() - began < 1.5


@pytest.mark.parametrize("body", [b"<html>", b"", b'{"a":', b"\xff\xfe"])
def test_what_is_no_json_is_unexpected(body: bytes) -> None:
    with scripted(answer(200, body)) as server, pytest.raises(UnexpectedResponse):
        ask(server)


def test_an_endless_answer_is_not_read() -> None:
    with scripted(answer(200, b"x" * 5000)) as server:
        client = client_of(server.url, limit=1000)
        with pytest.raises(UnexpectedResponse, match="bigger than 1000"):
            client.request("GET", "/thing", operation="read thing")
        client.close()


def test_credentials_do_not_follow_to_another_host() -> None:
    with scripted(answer(200, {})) as thief, scripted(answer(302, headers={"Location": thief.url + "/x"})) as server:
        with pytest.raises(UnexpectedResponse, match="redirected to"):
            ask(server)
        assert thief.requests == []


def test_a_redirect_on_the_same_host_is_followed_for_reads_only() -> None:
    moved = answer(301, headers={"Location": "/elsewhere"})
    with scripted(moved, answer(200, {"ok": 1})) as server:
        assert ask(server) == {"ok": 1}
        assert server.requests == ["GET /thing", "GET /elsewhere"]
    with scripted(moved) as server, pytest.raises(UnexpectedResponse):
        ask(server, "POST")
    with scripted(moved) as server, pytest.raises(UnexpectedResponse, match="more than"):
        ask(server)


def test_a_certificate_of_our_ca_is_taken_and_no_other(authority: Authority, tmp_path: Path) -> None:
    with scripted(answer(200, {}), tls=authority.server_context()) as server:
        client = client_of(server.url, ca=authority.ca_pem)
        client.request("GET", "/", operation="read")
        client.close()
        for ca in ("", Authority(tmp_path).ca_pem):
            stranger = client_of(server.url, ca=ca)
            with pytest.raises(Untrusted) as caught:
                stranger.request("GET", "/", operation="read")
            stranger.close()
            assert caught.value.retryable is False
        assert len(server.requests) == 1


def test_a_server_that_speaks_no_tls_is_unavailable() -> None:
    with scripted(answer(200, {})) as server, pytest.raises(Unavailable):
        ask(server.url.replace("http://", "https://"))


def test_secrets_are_masked_in_messages_and_logs(capsys: pytest.CaptureFixture[str]) -> None:
    said = f"token {SECRET} at http://robot:{SECRET}@host/ is bad".encode()
    with scripted(answer(401, said)) as server, pytest.raises(Unauthorized) as caught:
        ask(server)
    captured = capsys.readouterr()
    for text in (str(caught.value), repr(caught.value.params), captured.out + captured.err):
        assert SECRET not in text
    assert "***" in caught.value.message


def test_the_environment_does_not_decide_where_a_request_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted(answer(200, {})) as proxy, scripted(answer(200, {"direct": True})) as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert ask(server) == {"direct": True}
        assert proxy.requests == []


@pytest.fixture(autouse=True)
def _no_insecure_defaults() -> Iterator[None]:
    yield
    assert ssl.create_default_context().verify_mode is ssl.CERT_REQUIRED
