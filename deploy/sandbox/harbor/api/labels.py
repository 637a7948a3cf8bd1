"""Labels, global or of one project."""

from __future__ import annotations

import sqlite3

from aiohttp import web

from deploy.sandbox.harbor.access import Principal
from deploy.sandbox.harbor.database import now
from deploy.sandbox.harbor.errors import HarborError

from . import render
from .paging import listed
from .scope import Scope, body_of, require


class LabelHandlers:
    """Handlers below `/labels`."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._catalog = scope.catalog

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/api/v2.0/labels", self.list_labels),
            web.post("/api/v2.0/labels", self.create),
            web.get("/api/v2.0/labels/{id}", self.get),
            web.delete("/api/v2.0/labels/{id}", self.delete),
        ]

    async def list_labels(self, request: web.Request) -> web.Response:
        """GET ?scope=g, or ?scope=p&project_id=: the labels of that scope."""
        principal = self._known(request)
        scope, project_id = request.query.get("scope"), request.query.get("project_id")
        if scope not in ("g", "p") or (scope == "p" and not (project_id or "").isdecimal()):
            raise HarborError("BAD_REQUEST", "scope must be g, or p together with project_id")
        if scope == "p":
            project = self._project(int(project_id or 0))
            require(principal, project, "label", "list")
            rows = self._catalog.all("SELECT * FROM label WHERE project_id = ?", project["id"])
        else:
            rows = self._catalog.all("SELECT * FROM label WHERE project_id IS NULL")
        if "name" in request.query:
            rows = [row for row in rows if request.query["name"] in row["name"]]
        return listed(request, [render.label(row) for row in rows], sort="name")

    async def create(self, request: web.Request) -> web.Response:
        """POST a label; its name is unique in its scope."""
        principal, body = self._known(request), await body_of(request)
        project = self._project(int(body.get("project_id") or 0)) if body.get("scope") == "p" else None
        require(principal, project, "label", "create")
        name = str(body.get("name", ""))
        if not name or body.get("scope") not in ("g", "p"):
            raise HarborError("BAD_REQUEST", "a label has a name and scope g or p")
        project_id = project["id"] if project is not None else None
        if self._catalog.one("SELECT 1 FROM label WHERE name = ? AND project_id IS ?", name, project_id) is not None:
            raise HarborError("CONFLICT", f"label {name} already exists")
        cursor = self._catalog.database.execute(
            "INSERT INTO label (project_id, name, description, color, created) VALUES (?, ?, ?, ?, ?)",
            (project_id, name, str(body.get("description", "")), str(body.get("color", "")), now()),
        )
        return web.Response(status=201, headers={"Location": f"/api/v2.0/labels/{cursor.lastrowid}"})

    async def get(self, request: web.Request) -> web.Response:
        """GET one label."""
        return web.json_response(render.label(self._label(request, "read")))

    async def delete(self, request: web.Request) -> web.Response:
        """DELETE a label, also from all artifacts."""
        self._catalog.database.execute("DELETE FROM label WHERE id = ?", (self._label(request, "delete")["id"],))
        return web.Response()

    def _label(self, request: web.Request, action: str) -> sqlite3.Row:
        principal = self._known(request)
        label = self._catalog.one("SELECT * FROM label WHERE id = ?", request.match_info["id"])
        if label is None:
            raise HarborError("NOT_FOUND", f"label {request.match_info['id']} not found")
        require(principal, self._project(label["project_id"]) if label["project_id"] else None, "label", action)
        return label

    def _known(self, request: web.Request) -> Principal:
        principal = self._scope.access.identify(request)
        if not principal.authenticated:
            raise HarborError("UNAUTHORIZED", "unauthorized")
        return principal

    def _project(self, project_id: int) -> sqlite3.Row:
        project = self._catalog.one("SELECT * FROM project WHERE id = ?", project_id)
        if project is None:
            raise HarborError("NOT_FOUND", f"project {project_id} not found")
        return project
