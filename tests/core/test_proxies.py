"""Only named proxies are believed about who calls."""

from __future__ import annotations

import ipaddress
import os
import subprocess
import sys
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.conf import settings as current
from django.core.checks import run_checks
from django.http import HttpRequest, HttpResponse
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from apps.audit.models import AuditEntry
from apps.core.context import client_address
from apps.core.proxies import TrustedProxyMiddleware, parse_address
from tests import factories

PROXY, STRANGER, CALLER = "10.1.2.3", "203.0.113.9", "198.51.100.7"


def passed(remote: str, **headers: str) -> HttpRequest:
    request = HttpRequest()
    request.META = {"REMOTE_ADDR": remote, "SERVER_NAME": "x", "SERVER_PORT": "80", **headers}
    TrustedProxyMiddleware(lambda _request: HttpResponse())(request)
    return request


@pytest.fixture
def behind_proxies(settings: Any) -> Any:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8", "fd00::1"]
    return settings


@pytest.mark.parametrize(
    ("remote", "forwarded", "hops", "seen"),
    [
        (PROXY, CALLER, 1, CALLER),
        (PROXY, f"6.6.6.6, {CALLER}", 1, CALLER),  # what the caller wrote itself does not count
        (PROXY, f"6.6.6.6, {CALLER}, 10.9.9.9", 2, CALLER),
        (PROXY, "10.8.8.8", 1, "10.8.8.8"),  # a caller in the proxies' own network
        (PROXY, CALLER, 2, PROXY),  # fewer than there should be
        (PROXY, "", 1, PROXY),
        (PROXY, "not-an-address", 1, PROXY),
        (PROXY, f"{CALLER}:4711", 1, CALLER),
        (PROXY, "[2001:db8::7]:4711", 1, "2001:db8::7"),
        ("fd00::1", "2001:db8::7", 1, "2001:db8::7"),
        ("::ffff:10.1.2.3", f"::ffff:{CALLER}", 1, CALLER),
        (STRANGER, CALLER, 1, STRANGER),
        ("", CALLER, 1, ""),
    ],
)
def test_the_callers_address(behind_proxies: Any, remote: str, forwarded: str, hops: int, seen: str) -> None:
    behind_proxies.PROXY_HOPS = hops
    assert client_address(passed(remote, HTTP_X_FORWARDED_FOR=forwarded)) == seen


def test_tls_is_believed_from_proxies_only(behind_proxies: Any) -> None:
    assert passed(PROXY, HTTP_X_FORWARDED_PROTO="https").is_secure()
    assert not passed(STRANGER, HTTP_X_FORWARDED_PROTO="https").is_secure()


def test_without_proxies_nobody_is_believed() -> None:
    assert current.TRUSTED_PROXIES == []
    request = passed("127.0.0.1", HTTP_X_FORWARDED_FOR=CALLER, HTTP_X_FORWARDED_PROTO="https")
    assert (client_address(request), request.is_secure()) == ("127.0.0.1", False)


@given(st.ip_addresses(), st.integers(min_value=1, max_value=65535))
def test_addresses_are_read_with_and_without_ports(address: ipaddress.IPv4Address, port: int) -> None:
    mapped = getattr(address, "ipv4_mapped", None) or address
    with_port = f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"
    assert parse_address(str(address)) == parse_address(with_port) == mapped


@given(st.text(max_size=40))
def test_no_text_breaks_it(text: str) -> None:
    parse_address(text)


@pytest.mark.django_db
def test_the_audit_and_the_limit_of_sign_ins_see_the_caller(behind_proxies: Any) -> None:
    person = factories.user()
    browser = Client(REMOTE_ADDR=PROXY, HTTP_X_FORWARDED_FOR=CALLER)
    limit = current.AXES_FAILURE_LIMIT
    for _ in range(limit):
        answer = browser.post("/login/", {"username": person.username, "password": "wrong"})
    assert answer.status_code == 429
    assert AccessAttempt.objects.get(username=person.username).ip_address == CALLER
    right = {"username": person.username, "password": factories.PASSWORD}
    assert browser.post("/login/", right).status_code == 429
    other = Client(REMOTE_ADDR=PROXY, HTTP_X_FORWARDED_FOR=f"{CALLER}, {STRANGER}")
    assert other.post("/login/", right).status_code == 302  # another address is not locked, whatever it says of itself
    other.post("/account/", {"display_name": "Ada", "email": "", "language": "", "theme": "light"})
    assert AuditEntry.objects.get(action="user.update", actor_id=person.pk).address == STRANGER


@pytest.mark.django_db
def test_browsers_are_told_to_come_over_tls_only(behind_proxies: Any) -> None:
    behind_proxies.SECURE_HSTS_SECONDS = 3600
    header = "Strict-Transport-Security"
    over_tls = Client(REMOTE_ADDR=PROXY, HTTP_X_FORWARDED_PROTO="https").get("/login/")
    assert over_tls[header] == "max-age=3600"
    for headers in ({"REMOTE_ADDR": PROXY}, {"REMOTE_ADDR": STRANGER, "HTTP_X_FORWARDED_PROTO": "https"}):
        assert header not in Client(**headers).get("/login/")


@pytest.mark.parametrize(
    ("proxies", "hops", "found"),
    [(["10.0.0.0/8", "::1"], 1, []), (["1"], 1, ["slipway.E003"]), (["proxy.example"], 0, ["slipway.E003", "slipway.E004"])],
)  # fmt: skip
def test_settings_that_cannot_be_meant_are_named(
    settings: Any, proxies: list[str], hops: int, found: list[str]
) -> None:
    settings.TRUSTED_PROXIES, settings.PROXY_HOPS = proxies, hops
    assert [each.id for each in run_checks() if (each.id or "").startswith("slipway.E00")] == found


@pytest.mark.parametrize(("url", "secure"), [("https://slipway.example", True), ("http://127.0.0.1:8000", False)])
def test_an_https_address_makes_cookies_secure(url: str, secure: bool) -> None:
    """In a process of its own: settings are read once."""
    code = (
        "from paas import settings as s\n"
        "print(s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE, s.LANGUAGE_COOKIE_SECURE, s.SECURE_HSTS_SECONDS > 0)"
    )
    environment = {**os.environ, "SLIPWAY_BASE_URL": url}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(secure)] * 4
