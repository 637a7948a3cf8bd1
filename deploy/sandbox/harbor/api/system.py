"""The system's own answers: ping, health, information, the current user, quotas, scanners, statistics."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from deploy.sandbox.harbor.access import ADMIN
from deploy.sandbox.harbor.database import NEVER
from deploy.sandbox.harbor.errors import HarborError
from deploy.sandbox.harbor.scanner import REPORT_TYPE, SCANNER

from .paging import listed
from .scope import Scope

VERSION = "v2.14.0-slipway-sandbox"
COMPONENTS = ("core", "database", "jobservice", "portal", "redis", "registry", "registryctl")


class SystemHandlers:
    """Handlers that belong to no project."""

    def __init__(self, scope: Scope, url: str) -> None:
        self._scope = scope
        self._catalog = scope.catalog
        self._url = url

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/api/version", self.api_version),
            web.get("/api/v2.0/ping", self.ping),
            web.get("/api/v2.0/health", self.health),
            web.get("/api/v2.0/systeminfo", self.information),
            web.get("/api/v2.0/users/current", self.current_user),
            web.get("/api/v2.0/users/current/permissions", self.permissions),
            web.get("/api/v2.0/quotas", self.quotas),
            web.get("/api/v2.0/quotas/{id}", self.quota),
            web.get("/api/v2.0/scanners", self.scanners),
            web.get("/api/v2.0/projects/{project}/scanner", self.scanner),
            web.get("/api/v2.0/statistics", self.statistics),
        ]

    async def api_version(self, _: web.Request) -> web.Response:
        """GET /api/version."""
        return web.json_response({"version": "v2.0"})

    async def ping(self, _: web.Request) -> web.Response:
        """GET ping: alive, no credentials needed."""
        return web.Response(text="Pong")

    async def health(self, _: web.Request) -> web.Response:
        """GET health: one process plays all components, so they are as healthy as this answer."""
        components = [{"name": name, "status": "healthy"} for name in COMPONENTS]
        return web.json_response({"status": "healthy", "components": components})

    async def information(self, request: web.Request) -> web.Response:
        """GET systeminfo; versions and addresses are for those who are known."""
        information: dict[str, Any] = {"auth_mode": "db_auth", "primary_auth_mode": False, "self_registration": False}
        if self._scope.access.identify(request).authenticated:
            information |= {
                "harbor_version": VERSION, "external_url": self._url, "registry_url": self._url.partition("://")[2],
                "registry_storage_provider_name": "filesystem", "has_ca_root": True, "read_only": False,
                "project_creation_restriction": "adminonly", "notification_enable": False,
            }  # fmt: skip
        return web.json_response(information)

    async def current_user(self, request: web.Request) -> web.Response:
        """GET the user who asks; a robot is no user, as in Harbor."""
        principal = self._scope.access.identify(request)
        if not principal.admin:
            raise HarborError("UNAUTHORIZED", "unauthorized")
        return web.json_response({
            "user_id": 1, "username": ADMIN, "realname": "sandbox administrator", "email": "", "comment": "",
            "sysadmin_flag": True, "admin_role_in_auth": False, "creation_time": NEVER, "update_time": NEVER,
        })  # fmt: skip

    async def permissions(self, request: web.Request) -> web.Response:
        """GET what the asker may do, in the form of robots' permissions."""
        principal = self._scope.access.identify(request)
        if not principal.authenticated:
            raise HarborError("UNAUTHORIZED", "unauthorized")
        rows = [{"resource": f"{space}:{resource}", "action": action} for space, resource, action in principal.grants]
        return web.json_response(rows or [{"resource": "*", "action": "*"}])

    async def quotas(self, request: web.Request) -> web.Response:
        """GET the storage used by each project; the sandbox sets no limits."""
        self._scope.system(request, "quota", "list")
        wanted = request.query.get("reference_id")
        rows = [self._quota(row["id"]) for row in self._catalog.all("SELECT id FROM project")]
        return listed(request, [row for row in rows if wanted in (None, str(row["ref"]["id"]))], sort="id")

    async def quota(self, request: web.Request) -> web.Response:
        """GET one project's quota."""
        self._scope.system(request, "quota", "read")
        text = request.match_info["id"]
        if not text.isdecimal() or self._catalog.one("SELECT 1 FROM project WHERE id = ?", int(text)) is None:
            raise HarborError("NOT_FOUND", f"quota {text} not found")
        return web.json_response(self._quota(int(text)))

    async def scanners(self, request: web.Request) -> web.Response:
        """GET the scanners: one."""
        self._scope.system(request, "scanner", "list")
        return listed(request, [self._scanner()], sort="name")

    async def scanner(self, request: web.Request) -> web.Response:
        """GET a project's scanner."""
        self._scope.project(request, "scanner", "read")
        return web.json_response(self._scanner())

    async def statistics(self, request: web.Request) -> web.Response:
        """GET the totals."""
        if not self._scope.access.identify(request).authenticated:
            raise HarborError("UNAUTHORIZED", "unauthorized")
        counts = self._catalog.one(
            "SELECT (SELECT count(*) FROM project) AS total_project_count, "
            "(SELECT count(*) FROM repository) AS total_repo_count, "
            "(SELECT coalesce(sum(size), 0) FROM artifact) AS total_storage_consumption"
        )
        assert counts is not None
        return web.json_response(dict(counts))

    def _quota(self, project_id: int) -> dict[str, Any]:
        project = self._catalog.one("SELECT * FROM project WHERE id = ?", project_id)
        assert project is not None
        blobs = self._catalog.all(
            "SELECT DISTINCT digest FROM linked_blob WHERE repository GLOB ?", f"{project['name']}/*"
        )
        used = sum(self._catalog.blobs.size(row["digest"]) for row in blobs)
        return {
            "id": project_id, "ref": {"id": project_id, "name": project["name"], "owner_name": ADMIN},
            "hard": {"storage": -1}, "used": {"storage": used},
            "creation_time": project["created"], "update_time": project["updated"],
        }  # fmt: skip

    @staticmethod
    def _scanner() -> dict[str, Any]:
        return {
            "uuid": "00000000-0000-0000-0000-000000000001", "name": SCANNER["name"], "vendor": SCANNER["vendor"],
            "version": SCANNER["version"], "adapter": SCANNER["name"], "health": "healthy", "disabled": False,
            "is_default": True, "description": f"reads images and reports no vulnerabilities ({REPORT_TYPE})",
        }  # fmt: skip
