"""Projects and repositories."""

from __future__ import annotations

from urllib.parse import unquote

from aiohttp import web

from deploy.sandbox.harbor.catalog import Catalog
from deploy.sandbox.harbor.database import now
from deploy.sandbox.harbor.errors import HarborError

from . import render
from .paging import listed
from .scope import Scope, body_of


class ProjectHandlers:
    """Handlers of projects and of what lists repositories."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._catalog: Catalog = scope.catalog

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        project = "/api/v2.0/projects/{project}"
        return [
            web.get("/api/v2.0/projects", self.list_projects, allow_head=False),
            web.head("/api/v2.0/projects", self.exists),
            web.post("/api/v2.0/projects", self.create),
            web.get(project, self.get),
            web.put(project, self.update),
            web.delete(project, self.delete),
            web.get(f"{project}/summary", self.summary),
            web.get("/api/v2.0/repositories", self.list_all_repositories),
            web.get(f"{project}/repositories", self.list_repositories),
            web.get(f"{project}/repositories/{{repository}}", self.get_repository),
            web.put(f"{project}/repositories/{{repository}}", self.update_repository),
            web.delete(f"{project}/repositories/{{repository}}", self.delete_repository),
        ]

    async def list_projects(self, request: web.Request) -> web.Response:
        """GET the projects that the asker can see."""
        principal = self._scope.access.identify(request)
        rows = [row for row in self._catalog.all("SELECT * FROM project") if principal.can(row, "project", "read")]
        if "name" in request.query:
            rows = [row for row in rows if request.query["name"] in row["name"]]
        if "public" in request.query:
            rows = [row for row in rows if bool(row["public"]) == (request.query["public"] in ("true", "1"))]
        return listed(request, [render.project(self._catalog, row) for row in rows], sort="name")

    async def exists(self, request: web.Request) -> web.Response:
        """HEAD ?project_name=: tell by the status whether a project exists."""
        if not self._scope.access.identify(request).authenticated:
            raise HarborError("UNAUTHORIZED", "unauthorized")
        found = self._catalog.find_project(request.query.get("project_name", ""))
        return web.Response(status=200 if found is not None else 404)

    async def create(self, request: web.Request) -> web.Response:
        """POST a project; `public` may come at the top or in `metadata`, as Harbor's clients differ."""
        self._scope.system(request, "project", "create")
        body = await body_of(request)
        public = body.get("public") or (body.get("metadata") or {}).get("public")
        project = self._catalog.create_project(str(body.get("project_name", "")), public=public in (True, "true"))
        return web.Response(status=201, headers={"Location": f"/api/v2.0/projects/{project['id']}"})

    async def get(self, request: web.Request) -> web.Response:
        """GET one project."""
        return web.json_response(render.project(self._catalog, self._scope.project(request, "project", "read")))

    async def update(self, request: web.Request) -> web.Response:
        """PUT a project's `public`."""
        project = self._scope.project(request, "project", "update")
        public = ((await body_of(request)).get("metadata") or {}).get("public")
        if public not in ("true", "false"):
            raise HarborError("BAD_REQUEST", 'metadata.public must be "true" or "false"')
        sql = "UPDATE project SET public = ?, updated = ? WHERE id = ?"
        self._catalog.database.execute(sql, (public == "true", now(), project["id"]))
        return web.Response()

    async def delete(self, request: web.Request) -> web.Response:
        """DELETE an empty project."""
        project = self._scope.project(request, "project", "delete")
        if self._catalog.one("SELECT 1 FROM repository WHERE project_id = ?", project["id"]) is not None:
            message = f"project {project['name']} is not empty, can not delete it"
            raise HarborError("PRECONDITION", message)
        self._catalog.database.execute("DELETE FROM project WHERE id = ?", (project["id"],))
        return web.Response()

    async def summary(self, request: web.Request) -> web.Response:
        """GET the counts of one project."""
        project = render.project(self._catalog, self._scope.project(request, "project", "read"))
        return web.json_response({"repo_count": project["repo_count"], "project_admin_count": 1})

    async def list_all_repositories(self, request: web.Request) -> web.Response:
        """GET the repositories of all projects that the asker can see."""
        principal = self._scope.access.identify(request)
        projects = self._catalog.all("SELECT * FROM project")
        visible = {row["id"] for row in projects if principal.can(row, "repository", "list")}
        rows = [row for row in self._catalog.all("SELECT * FROM repository") if row["project_id"] in visible]
        return listed(request, [render.repository(self._catalog, row) for row in rows], sort="name")

    async def list_repositories(self, request: web.Request) -> web.Response:
        """GET a project's repositories."""
        project = self._scope.project(request, "repository", "list")
        rows = self._catalog.all("SELECT * FROM repository WHERE project_id = ?", project["id"])
        return listed(request, [render.repository(self._catalog, row) for row in rows], sort="name")

    async def get_repository(self, request: web.Request) -> web.Response:
        """GET one repository."""
        row = self._scope.repository(request, "repository", "read")
        return web.json_response(render.repository(self._catalog, row))

    async def update_repository(self, request: web.Request) -> web.Response:
        """PUT a repository's description."""
        row = self._scope.repository(request, "repository", "update")
        description = str((await body_of(request)).get("description", ""))
        sql = "UPDATE repository SET description = ?, updated = ? WHERE id = ?"
        self._catalog.database.execute(sql, (description, now(), row["id"]))
        return web.Response()

    async def delete_repository(self, request: web.Request) -> web.Response:
        """DELETE a repository with all its artifacts."""
        row = self._scope.repository(request, "repository", "delete")
        self._catalog.delete_repository(row)
        request["journal"]["repository"] = unquote(row["name"])
        return web.Response()
