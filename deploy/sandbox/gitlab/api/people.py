"""Version, users, personal access tokens and groups."""

from __future__ import annotations

import datetime as dt
from typing import Any

from aiohttp import web

from deploy.sandbox.gitlab.accounts import Group, Token, User
from deploy.sandbox.gitlab.errors import ApiError, forbidden, not_found
from deploy.sandbox.gitlab.paging import paginated
from deploy.sandbox.gitlab.site import Site

from . import presenters
from .body import parameters

VERSION = {"version": "18.5.0", "revision": "sandbox", "enterprise": False}
SCOPES = {"api", "read_api", "read_user", "read_repository", "write_repository"}


class People:
    """https://docs.gitlab.com/api/users/, /personal_access_tokens/, /groups/."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._accounts = site.accounts

    def routes(self) -> list[web.RouteDef]:
        """Return the routes below /api/v4."""
        return [
            web.get("/version", self.version),
            web.get("/metadata", self.version),
            web.get("/user", self.current),
            web.get("/users", self.users),
            web.get("/users/{id}", self.user),
            web.post("/users/{id}/personal_access_tokens", self.create_token),
            web.get("/personal_access_tokens/{id}", self.token),
            web.delete("/personal_access_tokens/{id}", self.revoke_token),
            web.post("/personal_access_tokens/{id}/rotate", self.rotate_token),
            web.get("/groups", self.groups),
            web.post("/groups", self.create_group),
            web.get("/groups/{id}", self.group),
            web.get("/groups/{id}/projects", self.group_projects),
        ]

    async def version(self, _request: web.Request) -> web.Response:
        """Answer the version that this stand-in follows."""
        return web.json_response(VERSION)

    async def current(self, request: web.Request) -> web.Response:
        """Answer who the token belongs to."""
        return web.json_response(presenters.current_user(request["user"], self._site.url))

    async def users(self, request: web.Request) -> web.Response:
        """List people, or find one by exact name."""
        name = request.query.get("username")
        found = [user for user in self._accounts.state.users if name in (None, user.username)]
        return paginated(request, [presenters.user(user, self._site.url) for user in found])

    async def user(self, request: web.Request) -> web.Response:
        """Answer one person."""
        return web.json_response(presenters.user(self._person(request), self._site.url))

    def _person(self, request: web.Request) -> User:
        number = request.match_info["id"]
        found = self._accounts.find_user(int(number)) if number.isdigit() else None
        if found is None:
            raise not_found("User")
        return found

    async def create_token(self, request: web.Request) -> web.Response:
        """Make a token for somebody; administrators only."""
        if not request["user"].admin:
            raise forbidden()
        body = await parameters(request, "name", "scopes")
        scopes = list(body["scopes"])
        if not set(scopes) <= SCOPES:
            raise ApiError(400, {"error": "scopes does not have a valid value"})
        expires_at = _date(body.get("expires_at"))
        token, secret = self._accounts.create_token(self._person(request), body["name"], scopes, expires_at)
        self._accounts.save()
        return web.json_response(presenters.token(token) | {"token": secret}, status=201)

    def _token(self, request: web.Request) -> Token:
        key = request.match_info["id"]
        own: Token = request["token"]
        if key == "self":
            return own
        found = next((token for token in self._accounts.state.tokens if str(token.id) == key), None)
        if found is None or (found.user_id != own.user_id and not request["user"].admin):
            raise not_found()
        return found

    async def token(self, request: web.Request) -> web.Response:
        """Answer what a token may and until when."""
        return web.json_response(presenters.token(self._token(request)))

    async def revoke_token(self, request: web.Request) -> web.Response:
        """Take a token back."""
        self._token(request).revoked = True
        self._accounts.save()
        return web.Response(status=204)

    async def rotate_token(self, request: web.Request) -> web.Response:
        """Replace a token by a new one; the old one ends at once."""
        old = self._token(request)
        body = await parameters(request)
        expires_at = _date(body.get("expires_at")) or dt.datetime.now(dt.UTC).date() + dt.timedelta(days=7)
        new, secret = self._accounts.create_token(
            self._accounts.user(old.user_id), old.name, list(old.scopes), expires_at
        )
        old.revoked = True
        self._accounts.save()
        return web.json_response(presenters.token(new) | {"token": secret})

    def _visible_groups(self, user: User) -> list[Group]:
        return [group for group in self._accounts.state.groups if user.admin or user.id in group.members]

    def _group(self, request: web.Request) -> Group:
        found = self._accounts.find_group(request.match_info["id"])
        if found is None or found not in self._visible_groups(request["user"]):
            raise not_found("Group")
        return found

    async def groups(self, request: web.Request) -> web.Response:
        """List the groups that the caller belongs to."""
        search = request.query.get("search", "").lower()
        found = [g for g in self._visible_groups(request["user"]) if search in g.name.lower() or search in g.path]
        return paginated(request, [presenters.group(group, self._site.url) for group in found])

    async def create_group(self, request: web.Request) -> web.Response:
        """Make a group; its maker owns it."""
        body = await parameters(request, "name", "path")
        if self._accounts.find_group(body["path"]) is not None:
            text = 'Failed to save group {:path=>["has already been taken"]}'
            raise ApiError(400, {"message": text})
        group = self._accounts.ensure_group(body["path"])
        group.name = body["name"]
        group.members[request["user"].id] = 50
        self._accounts.save()
        return web.json_response(presenters.group(group, self._site.url), status=201)

    async def group(self, request: web.Request) -> web.Response:
        """Answer one group."""
        return web.json_response(presenters.group(self._group(request), self._site.url))

    async def group_projects(self, request: web.Request) -> web.Response:
        """List the projects of a group."""
        group = self._group(request)
        found = [p for p in self._accounts.visible_projects(request["user"]) if p.group_id == group.id]
        shown: list[dict[str, Any]] = [await self._site.present(project, request["user"]) for project in found]
        return paginated(request, shown)


def _date(value: Any) -> dt.date | None:
    if not value:
        return None
    try:
        return dt.date.fromisoformat(str(value))
    except ValueError as exc:
        raise ApiError(400, {"error": "expires_at is invalid"}) from exc
