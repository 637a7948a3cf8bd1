"""Who asks, and what they may: tokens, scopes and the project a request is about."""

from __future__ import annotations

from aiohttp import web

from .accounts import Accounts, Project, Token, User, now
from .errors import ApiError, forbidden, insufficient_scope, invalid_token, not_found, unauthorized
from .smart_http import basic_password

READS = ("GET", "HEAD")
GIT_SCOPES = {
    "git-upload-pack": {"api", "read_repository", "write_repository"},
    "git-receive-pack": {"api", "write_repository"},
}


class Access:
    """The gatekeeper of API and git."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    def authenticate(self, request: web.Request) -> tuple[User, Token]:
        """Return who sends an API request, or answer 401.

        https://docs.gitlab.com/api/rest/authentication/
        """
        secret = request.headers.get("PRIVATE-TOKEN") or request.query.get("private_token", "")
        kind, _, bearer = request.headers.get("Authorization", "").partition(" ")
        if not secret and kind.lower() == "bearer":
            secret = bearer.strip()
        return self._open(secret)

    def _open(self, secret: str) -> tuple[User, Token]:
        token = self._accounts.find_token(secret) if secret else None
        if token is None:
            raise unauthorized()
        if token.revoked:
            raise invalid_token("Token was revoked. You have to re-authorize from the user.")
        if token.expired:
            raise invalid_token("Token is expired. You can either do re-authorization or token refresh.")
        token.last_used_at = now()
        return self._accounts.user(token.user_id), token

    def require_api_scope(self, request: web.Request, token: Token) -> None:
        """Answer 403 unless the token's scopes cover an API request."""
        allowed = {"api", "read_api"} if request.method in READS else {"api"}
        tail = request.path.removeprefix("/api/v4/")
        if request.method in READS and "/repository/" in tail:
            allowed |= {"read_repository"}
        if request.method in READS and tail == "user":
            allowed |= {"read_user"}
        # A token may always look at, rotate or revoke itself.
        if not tail.startswith("personal_access_tokens/self") and allowed.isdisjoint(token.scopes):
            raise insufficient_scope(" ".join(sorted(allowed)))

    def project(self, user: User, key: str, level: int = 0) -> Project:
        """Return the project of that id or path: 404 where it may not be seen, 403 below the access level."""
        project = self._accounts.find_project(key)
        if project is None or not self._accounts.may_see(user, project):
            raise not_found("Project")
        if self._accounts.access_level(user, project) < level:
            raise forbidden()
        return project

    def git(self, request: web.Request, path: str, service: str, level: int) -> tuple[User, Project]:
        """Return who clones or pushes which project, or answer as GitLab answers git: 401, 403 or 404 in words."""
        try:
            user, token = self._open(basic_password(request))
        except ApiError as exc:
            text = "HTTP Basic: Access denied. If a password was provided for Git authentication, the password was "
            text += "incorrect or you're required to use a token instead of a password."
            raise web.HTTPUnauthorized(text=text, headers={"WWW-Authenticate": 'Basic realm="GitLab"'}) from exc
        project = self._accounts.find_project(path)
        if project is None or not self._accounts.may_see(user, project):
            text = "The project you were looking for could not be found or you don't have permission to view it."
            raise web.HTTPNotFound(text=text)
        if GIT_SCOPES[service].isdisjoint(token.scopes):
            raise web.HTTPForbidden(text="Your token lacks the scope for this: write_repository or read_repository.")
        if self._accounts.access_level(user, project) < level:
            raise web.HTTPForbidden(text="You are not allowed to push code to this project.")
        return user, project
