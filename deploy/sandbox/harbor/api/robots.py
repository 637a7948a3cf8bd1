"""Robot accounts: credentials for machines with exactly the permissions they were given.

https://goharbor.io/docs/latest/working-with-projects/project-configuration/create-robot-accounts/
"""

from __future__ import annotations

import json
import re
import secrets
import sqlite3
import string
import time
from typing import Any

from aiohttp import web

from deploy.sandbox.harbor.access import SYSTEM, fingerprint
from deploy.sandbox.harbor.database import now
from deploy.sandbox.harbor.errors import HarborError

from .paging import listed
from .scope import Scope, body_of, require

NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
SECRET = re.compile(r"(?=.*[a-z])(?=.*[A-Z])(?=.*\d).{8,128}")
DAY = 24 * 3600
NEVER_EXPIRES = -1


class RobotHandlers:
    """Handlers below `/robots`."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._catalog = scope.catalog

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/api/v2.0/robots", self.list_robots),
            web.post("/api/v2.0/robots", self.create),
            web.get("/api/v2.0/robots/{id}", self.get),
            web.put("/api/v2.0/robots/{id}", self.update),
            web.patch("/api/v2.0/robots/{id}", self.refresh),
            web.delete("/api/v2.0/robots/{id}", self.delete),
        ]

    async def list_robots(self, request: web.Request) -> web.Response:
        """GET the system's robots, or with q=Level=project,ProjectID=N those of a project."""
        terms = [term.partition("=") for term in request.query.get("q", "").split(",") if term]
        query = {key.lower(): value for key, _, value in terms}
        principal = self._scope.access.identify(request)
        if query.get("level") == "project":
            project = self._catalog.one("SELECT * FROM project WHERE id = ?", query.get("projectid", ""))
            if project is None:
                raise HarborError("BAD_REQUEST", "must with project ID when to query project robots")
            require(principal, project, "robot", "list")
            sql = "SELECT * FROM robot WHERE level = 'project' AND name GLOB ?"
            rows = self._catalog.all(sql, f"robot${project['name']}+*")
        else:
            require(principal, None, "robot", "list")
            rows = self._catalog.all("SELECT * FROM robot WHERE level = 'system'")
        everything = request.clone(rel_url=request.rel_url.without_query_params("q"))
        return listed(everything, [_render(row) for row in rows], sort="id")

    async def create(self, request: web.Request) -> web.Response:
        """POST a robot; its secret is in this answer and nowhere else."""
        body = await body_of(request)
        name, level, permissions = body.get("name", ""), body.get("level", ""), body.get("permissions") or []
        duration = body.get("duration", NEVER_EXPIRES)
        if not isinstance(name, str) or not NAME.fullmatch(name):
            raise HarborError("BAD_REQUEST", f"robot name is not in lower case or contains illegal characters: {name}")
        if duration != NEVER_EXPIRES and not (isinstance(duration, int) and duration > 0):
            raise HarborError("BAD_REQUEST", "bad request duration: -1 (never expires) or a number of days is expected")
        self._check_permissions(request, level, permissions)
        full_name = f"robot${permissions[0]['namespace']}+{name}" if level == "project" else f"robot${name}"
        if self._catalog.one("SELECT 1 FROM robot WHERE name = ?", full_name) is not None:
            raise HarborError("CONFLICT", f"robot {full_name} already exists")
        secret, moment = _new_secret(), now()
        expires_at = NEVER_EXPIRES if duration == NEVER_EXPIRES else int(time.time()) + duration * DAY
        cursor = self._catalog.database.execute(
            "INSERT INTO robot (name, level, description, permissions, secret, disabled, expires_at, duration, "
            "created, updated) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (full_name, level, str(body.get("description", "")), json.dumps(permissions), fingerprint(secret),
             bool(body.get("disable")), expires_at, duration, moment, moment),
        )  # fmt: skip
        answer = {
            "id": cursor.lastrowid, "name": full_name, "secret": secret,
            "creation_time": moment, "expires_at": expires_at,
        }  # fmt: skip
        location = f"/api/v2.0/robots/{cursor.lastrowid}"
        return web.json_response(answer, status=201, headers={"Location": location})

    async def get(self, request: web.Request) -> web.Response:
        """GET one robot, without its secret."""
        return web.json_response(_render(self._robot(request, "read")))

    async def update(self, request: web.Request) -> web.Response:
        """PUT a robot's permissions, description and whether it is disabled."""
        robot, body = self._robot(request, "update"), await body_of(request)
        permissions = body.get("permissions") or []
        self._check_permissions(request, robot["level"], permissions)
        self._catalog.database.execute(
            "UPDATE robot SET permissions = ?, description = ?, disabled = ?, updated = ? WHERE id = ?",
            (json.dumps(permissions), str(body.get("description", "")), bool(body.get("disable")), now(), robot["id"]),
        )
        return web.Response()

    async def refresh(self, request: web.Request) -> web.Response:
        """PATCH a robot's secret: the given one, or a new one at random."""
        robot, body = self._robot(request, "update"), await body_of(request)
        secret = body.get("secret") or _new_secret()
        if not isinstance(secret, str) or not SECRET.fullmatch(secret):
            message = "the secret must be 8-128 characters long with at least 1 uppercase, 1 lowercase and 1 number"
            raise HarborError("BAD_REQUEST", message)
        sql = "UPDATE robot SET secret = ?, updated = ? WHERE id = ?"
        self._catalog.database.execute(sql, (fingerprint(secret), now(), robot["id"]))
        return web.json_response({"secret": "" if body.get("secret") else secret})

    async def delete(self, request: web.Request) -> web.Response:
        """DELETE a robot; its credentials end at once (tokens it holds run out by themselves)."""
        self._catalog.database.execute("DELETE FROM robot WHERE id = ?", (self._robot(request, "delete")["id"],))
        return web.Response()

    def _robot(self, request: web.Request, action: str) -> sqlite3.Row:
        principal = self._scope.access.identify(request)
        robot = self._catalog.one("SELECT * FROM robot WHERE id = ?", request.match_info["id"])
        project = None
        if robot is not None and robot["level"] == "project":
            project = self._catalog.find_project(json.loads(robot["permissions"])[0]["namespace"])
        require(principal, project, "robot", action)
        if robot is None:
            raise HarborError("NOT_FOUND", f"robot {request.match_info['id']} not found")
        return robot

    def _check_permissions(self, request: web.Request, level: str, permissions: Any) -> None:
        """Refuse permissions that are malformed, or for a project that is unknown or not the asker's."""
        if level not in ("system", "project"):
            raise HarborError("BAD_REQUEST", f"level {level!r} is not system or project")
        if not isinstance(permissions, list) or not permissions:
            raise HarborError("BAD_REQUEST", "bad request empty permission")
        if level == "project" and len(permissions) > 1:
            raise HarborError("BAD_REQUEST", "bad request permission: a project robot has one project")
        principal = self._scope.access.identify(request)
        for permission in permissions:
            kind, namespace, access = (permission.get(key) for key in ("kind", "namespace", "access"))
            if kind not in ("project", "system") or (kind == "system" and level == "project") or not access:
                raise HarborError("BAD_REQUEST", f"bad request permission: {permission}")
            if any(not item.get("resource") or not item.get("action") for item in access):
                raise HarborError("BAD_REQUEST", "bad request permission: each access has a resource and an action")
            project = self._catalog.find_project(namespace) if namespace not in ("*", SYSTEM) else None
            require(principal, project if level == "project" else None, "robot", "create")
            if project is None and (namespace not in ("*", SYSTEM) or level == "project"):
                raise HarborError("NOT_FOUND", f"project {namespace} not found")


def _new_secret() -> str:
    """Return 32 random characters with at least one of each kind that Harbor asks for."""
    alphabet = string.ascii_letters + string.digits
    while True:
        secret = "".join(secrets.choice(alphabet) for _ in range(32))
        if SECRET.fullmatch(secret):
            return secret


def _render(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "id": row["id"], "name": row["name"], "level": row["level"], "description": row["description"],
        "permissions": json.loads(row["permissions"]), "disable": bool(row["disabled"]), "editable": True,
        "duration": row["duration"], "expires_at": row["expires_at"], "secret": "",
        "creation_time": row["created"], "update_time": row["updated"],
    }  # fmt: skip
