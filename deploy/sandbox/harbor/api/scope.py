"""From a request to the rows it names, together with the permission it needs (never one without the other)."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from deploy.sandbox.harbor.access import Access, Principal
from deploy.sandbox.harbor.catalog import Catalog
from deploy.sandbox.harbor.errors import HarborError


@dataclass(frozen=True)
class Scope:
    """What all handlers of the API share."""

    catalog: Catalog
    access: Access

    def system(self, request: web.Request, resource: str, action: str) -> Principal:
        """Return the asker, who may do this to the system.

        Raises:
            HarborError: UNAUTHORIZED, FORBIDDEN.
        """
        principal = self.access.identify(request)
        require(principal, None, resource, action)
        return principal

    def project(self, request: web.Request, resource: str, action: str) -> sqlite3.Row:
        """Return the project that the path names, by name or (a bare number) by id.

        Raises:
            HarborError: UNAUTHORIZED, FORBIDDEN, NOT_FOUND.
        """
        text = unquote(request.match_info["project"])
        by_name = request.headers.get("X-Is-Resource-Name", "false").lower() == "true"
        if text.isdecimal() and not by_name:
            found = self.catalog.one("SELECT * FROM project WHERE id = ?", int(text))
        else:
            found = self.catalog.find_project(text)
        principal = self.access.identify(request)
        require(principal, found, resource, action)
        if found is None:
            raise HarborError("NOT_FOUND", f"project {text} not found")
        return found

    def repository(self, request: web.Request, resource: str, action: str) -> sqlite3.Row:
        """Return the repository that the path names.

        A slash inside its name comes encoded twice (`a%252Fb`), since Harbor's proxy decodes the path once.

        Raises:
            HarborError: UNAUTHORIZED, FORBIDDEN, NOT_FOUND.
        """
        project = self.project(request, resource, action)
        name = f"{project['name']}/{unquote(request.match_info['repository'])}"
        found = self.catalog.find_repository(name)
        if found is None or "%2f" in request.rel_url.raw_path.lower():
            raise HarborError("NOT_FOUND", f"repository {name} not found")
        return found

    def artifact(self, request: web.Request, resource: str, action: str) -> tuple[sqlite3.Row, sqlite3.Row]:
        """Return the repository and the artifact that the path names by tag or digest.

        Raises:
            HarborError: UNAUTHORIZED, FORBIDDEN, NOT_FOUND.
        """
        repository = self.repository(request, resource, action)
        reference = unquote(request.match_info["reference"])
        found = self.catalog.find_artifact(repository["name"], reference)
        if found is None:
            separator = "@" if ":" in reference else ":"
            raise HarborError("NOT_FOUND", f"artifact {repository['name']}{separator}{reference} not found")
        return repository, found


def require(principal: Principal, project: sqlite3.Row | None, resource: str, action: str) -> None:
    """Refuse an asker who may not do this: 401 for nobody, 403 for somebody.

    Raises:
        HarborError: UNAUTHORIZED, FORBIDDEN.
    """
    if not principal.can(project, resource, action):
        if principal.authenticated:
            raise HarborError("FORBIDDEN", "forbidden")
        raise HarborError("UNAUTHORIZED", "unauthorized")


async def body_of(request: web.Request) -> dict[str, Any]:
    """Return the JSON object in the body.

    Raises:
        HarborError: BAD_REQUEST.
    """
    try:
        body = json.loads(await request.read())
    except ValueError as exc:
        raise HarborError("BAD_REQUEST", f"body is not JSON: {exc}") from exc
    if not isinstance(body, dict):
        raise HarborError("BAD_REQUEST", "body must be a JSON object")
    return body
