"""The token service and the check before every request of `/v2/`.

As in Harbor a client first meets 401 with a Bearer challenge (for public projects too), fetches a token for the
scope it was told, and comes again; clients that send Basic credentials at once are served as well.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from deploy.sandbox.harbor.access import SERVICE, Access, Principal
from deploy.sandbox.harbor.catalog import REPOSITORY_NAME, Catalog
from deploy.sandbox.harbor.errors import HarborError


class Authorization:
    """Decides on `/v2/` requests and issues tokens for them."""

    def __init__(self, catalog: Catalog, access: Access) -> None:
        self._catalog = catalog
        self._access = access

    async def token(self, request: web.Request) -> web.Response:
        """GET /service/token: issue a token with what the asker may really do of what was asked for."""
        principal = self._access.identify(request)
        granted: list[dict[str, Any]] = []
        for scope in " ".join(request.query.getall("scope", [])).split():
            kind, _, rest = scope.partition(":")
            name, _, actions = rest.rpartition(":")
            wanted = [action for action in actions.split(",") if action]
            if kind == "repository":
                allowed = [action for action in _expand(wanted) if self._may(principal, name, action)]
            else:
                allowed = wanted if principal.admin else []
            granted.append({"type": kind, "name": name, "actions": allowed})
        return web.json_response(self._access.issue(principal, granted))

    def login(self, request: web.Request) -> None:
        """Refuse a request to the API's root that names nobody.

        Raises:
            HarborError: UNAUTHORIZED with the challenge.
        """
        if "Authorization" not in request.headers or not self._identify(request, "").authenticated:
            raise _refusal(request, "unauthorized", "")

    def catalog(self, request: web.Request) -> None:
        """Refuse everybody but the administrator.

        Raises:
            HarborError: UNAUTHORIZED.
        """
        principal = self._identify(request, "registry:catalog:*")
        if not (principal.admin or "*" in (principal.scopes or {}).get("catalog", [])):
            raise _refusal(request, "unauthorized to list catalog", "registry:catalog:*")

    def repository(self, request: web.Request, action: str) -> str:
        """Return the repository's name of a request that may do `action` (pull, push, delete) there.

        Raises:
            HarborError: NAME_INVALID, UNAUTHORIZED with the challenge.
        """
        name = request.match_info["name"]
        self.check(request, name, action)
        return name

    def check(self, request: web.Request, name: str, action: str) -> None:
        """Refuse a request that may not do `action` in the repository of that name.

        Raises:
            HarborError: NAME_INVALID, UNAUTHORIZED with the challenge.
        """
        if not REPOSITORY_NAME.fullmatch(name):
            raise HarborError("NAME_INVALID", f"invalid repository name: {name!r}, expected PROJECT/REPOSITORY")
        scope = f"repository:{name}:{'pull,push' if action == 'push' else action}"
        if "mount" in request.query and "from" in request.query:
            scope += f" repository:{request.query['from']}:pull"
        principal = self._identify(request, scope)
        if "Authorization" not in request.headers and action == "pull":
            raise _refusal(request, f"authorize header needed to send {request.method} to repository", scope)
        if principal.scopes is not None:
            allowed = action in principal.scopes.get(name, [])
        else:
            allowed = self._may(principal, name, action)
        if not allowed:
            raise _refusal(request, f"unauthorized to access repository: {name}, action: {action}", scope)
        if self._catalog.find_project(name.partition("/")[0]) is None:
            raise _refusal(request, f"project {name.partition('/')[0]} not found", scope)

    def _identify(self, request: web.Request, scope: str) -> Principal:
        try:
            return self._access.identify(request)
        except HarborError as exc:
            raise _refusal(request, exc.message, scope) from exc

    def _may(self, principal: Principal, repository: str, action: str) -> bool:
        project = self._catalog.find_project(repository.partition("/")[0])
        if project is None:
            return principal.admin
        if action == "delete":
            return principal.can(project, "artifact", "delete")
        return principal.can(project, "repository", action)


def _expand(actions: list[str]) -> list[str]:
    return list(dict.fromkeys(["pull", "push", "delete"] if "*" in actions else actions))


def _refusal(request: web.Request, message: str, scope: str) -> HarborError:
    challenge = f'Bearer realm="https://{request.host}/service/token",service="{SERVICE}"'
    if scope:
        challenge += f',scope="{scope}"'
    return HarborError("UNAUTHORIZED", message, headers={"WWW-Authenticate": challenge})
