"""The registry's own protocol, to ask whether an image is still there to be pulled.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#checking-if-content-exists-in-the-registry and
https://distribution.github.io/distribution/spec/auth/token/ for how a token is got.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, replace
from urllib.parse import quote, urlsplit

from apps.integrations.calls import Timeout
from apps.integrations.connection import Connection
from apps.integrations.errors import Missing, Rejected, Unauthorized, UnexpectedResponse
from apps.integrations.http import Answer, HttpClient

from .client import words

MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, "
    "application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json"
)
TOKEN_SECONDS = 60.0
TOKEN_SLACK = 10.0
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_PARAMETER = re.compile(r'(\w+)="([^"]*)"')


@dataclass(frozen=True)
class _Challenge:
    realm: str
    service: str


class RegistryClient:
    """One registry, with one account's rights. Tokens are fetched per repository and kept until they expire."""

    def __init__(self, connection: Connection, *, timeout: Timeout | None = None) -> None:
        self._system = connection.system
        self._connection = connection
        self._timeout = timeout or Timeout()
        self._http = HttpClient(replace(connection, secret=""), timeout=self._timeout, words=words)
        auth = (connection.username, connection.secret) if connection.username else None
        self._login = HttpClient(connection, timeout=self._timeout, auth=auth, words=words)
        self._challenge: _Challenge | None = None
        self._tokens: dict[str, tuple[str, float]] = {}

    def close(self) -> None:
        """Close all connections."""
        self._http.close()
        self._login.close()

    def has(self, repository: str, digest: str) -> bool:
        """Return whether the image of a digest can be pulled; `repository` with its project, as in `shop/web`."""
        return self.find_digest(repository, digest) is not None

    def find_digest(self, repository: str, reference: str) -> str | None:
        """Return the digest behind a tag or digest, or None where there is no such image."""
        path = f"/v2/{quote(repository)}/manifests/{quote(reference, safe=':')}"
        try:
            answer = self._head(path, repository)
        except Missing:
            return None
        digest = answer.headers.get("Docker-Content-Digest", "")
        if not _DIGEST.fullmatch(digest):
            raise UnexpectedResponse(self._system, "check image", answer.status, "the answer names no digest")
        return digest

    def _head(self, path: str, repository: str) -> Answer:
        headers = {"Accept": MANIFESTS}
        challenge = self._ask_for_challenge()
        if challenge is None:
            return self._login.request("HEAD", path, operation="check image", headers=headers)
        for fresh in (False, True):
            token = self._token(challenge, repository, fresh=fresh)
            try:
                authorized = {**headers, "Authorization": f"Bearer {token}"} if token else headers
                return self._http.request("HEAD", path, operation="check image", headers=authorized)
            except Unauthorized:
                if fresh:
                    raise
        raise AssertionError("the second attempt returns or raises")

    def _ask_for_challenge(self) -> _Challenge | None:
        """Return where tokens are given out, or None for a registry that takes basic authentication or nothing."""
        if self._challenge is None:
            header = self._http.challenge("/v2/", operation="find token service")
            scheme, _, rest = header.partition(" ")
            if scheme.lower() != "bearer":
                return None
            given = dict(_PARAMETER.findall(rest))
            realm = given.get("realm", "")
            # Credentials go to the token service: only to the host that the connection names.
            if urlsplit(realm).netloc != urlsplit(self._connection.url).netloc:
                message = f"the token service is at another host: {urlsplit(realm).netloc}"
                raise UnexpectedResponse(self._system, "find token service", 401, message)
            self._challenge = _Challenge(realm, given.get("service", ""))
        return self._challenge

    def _token(self, challenge: _Challenge, repository: str, *, fresh: bool) -> str:
        token, expires = self._tokens.get(repository, ("", 0.0))
        if token and not fresh and time.monotonic() < expires:
            return token
        params = {"service": challenge.service, "scope": f"repository:{repository}:pull"}
        path = urlsplit(challenge.realm).path
        try:
            said = self._login.request("GET", path, operation="fetch token", params=params).json()
        except Rejected as exc:
            raise Unauthorized(self._system, "fetch token", exc.status, exc.message) from exc
        token = str(said.get("token") or said.get("access_token") or "")
        lifetime = float(said.get("expires_in") or TOKEN_SECONDS) - TOKEN_SLACK
        self._tokens[repository] = token, time.monotonic() + lifetime
        return token
