"""The console's REST API as the story's people use it, and the outside world as a stranger sees it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import httpx2

FINAL = frozenset({"succeeded", "failed", "errored", "canceled", "superseded", "rejected"})


class StoryError(Exception):
    """A step could not be confirmed."""


class Person:
    """One who uses the console with a token."""

    def __init__(self, url: str, name: str, token: str) -> None:
        self.name = name
        self._client = httpx2.Client(
            base_url=f"{url}/api/v1/", headers={"Authorization": f"Bearer {token}"}, timeout=httpx2.Timeout(60)
        )

    def ask(self, method: str, path: str, body: Any = None, *, expect: tuple[int, ...] = (200, 201, 202)) -> Any:
        """Return the answer's JSON (or text).

        Raises:
            StoryError: the console answered with another status.
        """
        response = self._client.request(method, path, json=body)
        if response.status_code not in expect:
            raise StoryError(f"{self.name}: {method} {path} answered {response.status_code}: {response.text[:600]}")
        if response.headers.get("Content-Type", "").startswith("application/json"):
            return response.json()
        return response.text

    def get(self, path: str) -> Any:
        """Return what is at a path."""
        return self.ask("GET", path)

    def post(self, path: str, body: Any = None) -> Any:
        """Send something and return the answer."""
        return self.ask("POST", path, {} if body is None else body)

    def ensure(self, path: str, body: dict[str, Any]) -> None:
        """Create something, or find that it is there already."""
        self.ask("POST", path, body, expect=(200, 201, 409))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def raw(self, path: str) -> httpx2.Response:
        """Return an answer as it came."""
        return self._client.get(path)


def sign_in_for_token(url: str, username: str, password: str, scopes: list[str]) -> str:
    """Return a new API token of a person, made the way a person does: sign in, then ask for it.

    Raises:
        StoryError: the console does not let this person in.
    """
    with httpx2.Client(base_url=url, follow_redirects=True, timeout=30) as browser:
        page = browser.get("/login/")
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        if found is None:
            raise StoryError(f"the sign-in page has no form (status {page.status_code})")
        form = {"username": username, "password": password, "csrfmiddlewaretoken": found[1]}
        browser.post("/login/", data=form, headers={"Referer": f"{url}/login/"})
        csrf = browser.cookies.get("slipway_csrf", "")
        asked = {"name": f"story {time.time():.0f}", "scopes": scopes, "days": 1}
        answer = browser.post("/api/v1/tokens/", json=asked, headers={"X-CSRFToken": csrf, "Referer": f"{url}/"})
        if answer.status_code != 201:
            raise StoryError(f"{username} gets no token: {answer.status_code} {answer.text[:300]}")
        return str(answer.json()["token"])


def wait(
    ask: Callable[[], Any], reached: Callable[[Any], bool], *, seconds: float, what: str, every: float = 0.3
) -> Any:
    """Ask again and again until something is true of the answer, and return that answer.

    Raises:
        StoryError: it did not become true in time.
    """
    until = time.monotonic() + seconds
    while True:
        answer = ask()
        if reached(answer):
            return answer
        if time.monotonic() > until:
            raise StoryError(f"{what}: not within {seconds:.0f} s; last seen: {str(answer)[:700]}")
        time.sleep(every)


def is_final(answer: dict[str, Any]) -> bool:
    """Return whether a build, deployment or release order has ended."""
    return answer["status"] in FINAL
