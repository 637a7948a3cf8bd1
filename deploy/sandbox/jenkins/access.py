"""Who may call: Basic authentication by password or API token, crumbs for the former.

https://www.jenkins.io/doc/book/system-administration/authenticating-scripted-clients/
https://www.jenkins.io/doc/book/security/csrf-protection/ (requests with an API token need no crumb)
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

CRUMB_FIELD = "Jenkins-Crumb"
SESSION_COOKIE = "JSESSIONID.sandbox"
USER = web.RequestKey("user", str)
SESSION = web.RequestKey("session", str)
OPEN_PATHS = ("/login", "/sandbox/callback/")  # the callback's path holds a secret of its own


class Access:
    """Sessions and crumbs live in memory: a restart ends them, as in Jenkins."""

    def __init__(self, username: str, password: str, token: str) -> None:
        self._username = username
        self._password = password
        self._token = token
        self._salt = secrets.token_bytes(16)
        self._sessions: set[str] = set()

    def middleware(self) -> Middleware:
        """Return the middleware that lets only known callers through; sets USER and SESSION of the request."""

        @web.middleware
        async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
            if request.path.startswith(OPEN_PATHS):
                return await handler(request)
            by_token = self._identify(request)
            cookie = request.cookies.get(SESSION_COOKIE, "")
            known = cookie in self._sessions
            request[USER] = self._username
            request[SESSION] = cookie if known else secrets.token_hex(16)
            if request.method not in ("GET", "HEAD") and not by_token:
                given = request.headers.get(CRUMB_FIELD, "")
                if not known or not hmac.compare_digest(given, self.crumb(cookie)):
                    raise web.HTTPForbidden(text="No valid crumb was included in the request")
            response = await handler(request)
            if not known and not response.prepared:
                self._sessions.add(request[SESSION])
                response.set_cookie(SESSION_COOKIE, request[SESSION], httponly=True, path="/")
            return response

        return authenticate

    def crumb(self, session: str) -> str:
        """Return the crumb of a session."""
        return hmac.new(self._salt, session.encode(), hashlib.sha256).hexdigest()

    def _identify(self, request: web.Request) -> bool:
        """Return whether the caller used the API token (and not the password)."""
        kind, _, encoded = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "basic":
            raise web.HTTPForbidden(text="Authentication required")
        try:
            username, _, given = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            username = given = ""
        by_token = secrets.compare_digest(given.encode(), self._token.encode())
        by_password = secrets.compare_digest(given.encode(), self._password.encode())
        if username != self._username or not (by_token or by_password):
            raise web.HTTPUnauthorized(
                text="Invalid password/token for user", headers={"WWW-Authenticate": 'Basic realm="Jenkins"'}
            )
        return by_token
