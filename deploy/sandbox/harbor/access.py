"""Who asks, and what they may do: the administrator, robot accounts, bearer tokens of `/service/token`, anybody.

Harbor's rules in short: everybody may read a public project, the administrator may do everything, a robot has
exactly the (resource, action) pairs it was given. https://goharbor.io/docs/latest/working-with-projects/
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import secrets
import sqlite3
import time
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from .catalog import Catalog
from .errors import HarborError

ADMIN = "admin"
SERVICE = "harbor-registry"
TOKEN_SECONDS = 1800
SYSTEM = "/"  # the namespace of permissions that belong to no project
PUBLIC_ACTIONS = {
    ("project", "read"),
    ("repository", "pull"),
    ("repository", "list"),
    ("repository", "read"),
    ("artifact", "list"),
    ("artifact", "read"),
    ("artifact-addition", "read"),
    ("tag", "list"),
    ("label", "list"),
    ("label", "read"),
    ("scanner", "read"),
}


@dataclass(frozen=True)
class Principal:
    """One asker. `grants` holds (namespace, resource, action); `scopes` is set for bearer tokens only."""

    name: str
    admin: bool = False
    grants: frozenset[tuple[str, str, str]] = field(default_factory=frozenset)
    scopes: dict[str, list[str]] | None = None

    @property
    def authenticated(self) -> bool:
        """Return whether this is somebody known."""
        return bool(self.name)

    def can(self, project: sqlite3.Row | None, resource: str, action: str) -> bool:
        """Return whether the asker may do this in a project (None: to the system)."""
        if self.admin:
            return True
        if project is None:
            return (SYSTEM, resource, action) in self.grants
        if project["public"] and (resource, action) in PUBLIC_ACTIONS:
            return True
        return any((namespace, resource, action) in self.grants for namespace in (project["name"], "*"))


ANONYMOUS = Principal("")


class Access:
    """Knows the accounts and signs the tokens."""

    def __init__(self, catalog: Catalog, admin_password: str, key: str) -> None:
        self._catalog = catalog
        self._admin_password = admin_password
        self._key = key.encode()

    def identify(self, request: web.Request) -> Principal:
        """Return who sent a request.

        Raises:
            HarborError: UNAUTHORIZED for credentials that are wrong; none at all make an anonymous asker.
        """
        header = request.headers.get("Authorization", "")
        scheme, _, value = header.partition(" ")
        if scheme.lower() == "basic":
            return self._basic(value.strip())
        if scheme.lower() == "bearer":
            return self._bearer(value.strip())
        return ANONYMOUS

    def _basic(self, value: str) -> Principal:
        try:
            name, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError) as exc:
            raise HarborError("UNAUTHORIZED", "unauthorized") from exc
        if name == ADMIN and hmac.compare_digest(password.encode(), self._admin_password.encode()):
            return Principal(ADMIN, admin=True)
        robot = self._catalog.one("SELECT * FROM robot WHERE name = ?", name)
        if robot is None or not hmac.compare_digest(robot["secret"], fingerprint(password)):
            raise HarborError("UNAUTHORIZED", "unauthorized")
        if robot["disabled"] or 0 <= robot["expires_at"] < time.time():
            raise HarborError("UNAUTHORIZED", f"robot account {name} is disabled or expired")
        return Principal(name, grants=frozenset(_grants(json.loads(robot["permissions"]))))

    def _bearer(self, value: str) -> Principal:
        claims = self._verify(value)
        scopes = {entry["name"]: entry["actions"] for entry in claims["access"]}
        return Principal(claims["sub"], scopes=scopes)

    def issue(self, principal: Principal, access: list[dict[str, Any]]) -> dict[str, Any]:
        """Return the answer of the token service: a JWT that carries `access`.

        https://distribution.github.io/distribution/spec/auth/token/
        """
        issued = int(time.time())
        claims = {
            "iss": "harbor-token-issuer", "sub": principal.name, "aud": SERVICE, "iat": issued, "nbf": issued,
            "exp": issued + TOKEN_SECONDS, "jti": secrets.token_hex(8), "access": access,
        }  # fmt: skip
        signed = f"{_encode({'typ': 'JWT', 'alg': 'HS256'})}.{_encode(claims)}"
        token = f"{signed}.{self._signature(signed)}"
        moment = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(issued))
        return {"token": token, "access_token": token, "expires_in": TOKEN_SECONDS, "issued_at": moment}

    def _verify(self, token: str) -> dict[str, Any]:
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(signed).encode()):
            raise HarborError("UNAUTHORIZED", "invalid token")
        claims: dict[str, Any] = json.loads(_decode(signed.partition(".")[2]))
        if claims["exp"] < time.time():
            raise HarborError("UNAUTHORIZED", "token has expired")
        return claims

    def _signature(self, signed: str) -> str:
        return _b64(hmac.digest(self._key, signed.encode(), "sha256"))


def fingerprint(secret: str) -> str:
    """Return what is stored of a robot's secret (32 random characters: a plain hash is enough)."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _grants(permissions: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [
        (permission["namespace"], access["resource"], access["action"])
        for permission in permissions
        for access in permission["access"]
        if access.get("effect", "allow") in ("", "allow")
    ]


def _b64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _encode(value: dict[str, Any]) -> str:
    return _b64(json.dumps(value, separators=(",", ":")).encode())


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
