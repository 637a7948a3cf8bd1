"""Connections keep their secrets, and errors carry none."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.core.errors import Misconfigured
from apps.integrations import errors
from apps.integrations.calls import parse_retry_after
from apps.integrations.connection import ClusterConnection, Connection
from apps.integrations.redaction import MESSAGE_LIMIT, Redactor, shorten
from apps.integrations.tls import client_context

SECRET = "a-very-secret-token"
CONNECTION = Connection("gitlab", "main", "https://gitlab.example", username="bot", secret=SECRET)
CLUSTER = ClusterConnection("north", "https://k8s.example", token=SECRET, client_key_pem="PRIVATE " + SECRET)


@pytest.mark.parametrize("connection", [CONNECTION, CLUSTER])
def test_a_connection_shows_no_secret_and_stays_in_the_process(connection: Connection | ClusterConnection) -> None:
    assert SECRET not in repr(connection) + str(connection)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="primary key"):
            pickle.dumps(connection, protocol)
    with pytest.raises(TypeError):
        copy.deepcopy(connection)


def test_an_identity_changes_with_anything_a_client_is_built_from() -> None:
    changes = {"url": "https://x", "secret": "other", "username": "x", "ca_pem": "x", "options": {"proxy": "x"}}
    identities = {replace(CONNECTION, **{name: value}).identity for name, value in changes.items()}  # type: ignore[arg-type]
    assert len(identities | {CONNECTION.identity}) == len(changes) + 1
    assert replace(CONNECTION).identity == CONNECTION.identity
    assert SECRET not in CONNECTION.identity
    assert replace(CLUSTER, insecure=True).identity != CLUSTER.identity


@given(st.text(min_size=4, max_size=30), st.text(max_size=20), st.text(max_size=20))
def test_a_secret_never_survives_redaction(secret: str, before: str, after: str) -> None:
    assert secret not in Redactor([secret], "bot")(before + secret + after).replace("***", "")


def test_other_spellings_and_other_peoples_credentials_are_masked_too() -> None:
    redact = Redactor(["p@ss word/1"], "bot")
    text = "p%40ss%20word%2F1 p%40ss+word%2F1 Ym90OnBAc3Mgd29yZC8x https://me:you@host Bearer abcdefghijklmnop1234"
    redacted = redact(text)
    assert "ss" not in redacted.replace("https", "")
    assert "you" not in redacted
    assert "abcdefghijklmnop1234" not in redacted
    assert Redactor([])("Basic authentication failed") == "Basic authentication failed"


def test_messages_are_bounded_and_plain() -> None:
    assert len(shorten("x" * 10_000)) == MESSAGE_LIMIT
    assert shorten("a\x00b\x1b[31m") == "a b [31m"


@pytest.mark.parametrize(
    "error",
    [
        errors.Unavailable("harbor", "read", 503, "busy", "id-1", retry_after=3.0),
        errors.Rejected("harbor", "write", 422, "bad", None, details=[("a.b", "wrong")]),
        errors.Missing("gitlab", "read", 404),
    ],
)
def test_an_error_says_what_it_is_and_survives_a_queue(error: errors.IntegrationError) -> None:
    assert error.code == f"integration.{error.code_name}"
    assert error.params["system"] == error.system
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("0", 0.0), ("-3", 0.0), (None, None), ("soon", None), ("nan", None)]
)
def test_retry_after_in_seconds(header: str | None, seconds: float | None) -> None:
    assert parse_retry_after(header) == seconds


def test_retry_after_as_a_date_and_out_of_bounds() -> None:
    assert parse_retry_after("Mon, 01 Jan 2001 00:00:00 GMT") == 0.0
    assert parse_retry_after("1e300") == 86_400.0


@given(st.text(max_size=40))
def test_retry_after_of_anything_is_bounded(header: str) -> None:
    seconds = parse_retry_after(header)
    assert seconds is None or 0.0 <= seconds <= 86_400.0


@pytest.mark.parametrize("ca", ["garbage", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_a_ca_that_is_none_is_a_misconfiguration(ca: str) -> None:
    with pytest.raises(Misconfigured):
        client_context(ca)


def test_a_client_key_that_is_none_is_a_misconfiguration() -> None:
    with pytest.raises(Misconfigured):
        client_context(certificate_pem="x", key_pem="y")
