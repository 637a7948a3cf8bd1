"""Harbor's stand-in as one server of the sandbox."""

from __future__ import annotations

import sqlite3
from typing import Any

from aiohttp import web

from deploy.sandbox.common.host import Context
from deploy.sandbox.images.base import ensure_base_images

from .access import ADMIN, Access
from .api.artifacts import ArtifactHandlers
from .api.labels import LabelHandlers
from .api.projects import ProjectHandlers
from .api.robots import RobotHandlers
from .api.scope import Scope
from .api.system import SystemHandlers
from .blobs import Blobs
from .catalog import Catalog
from .database import connect
from .distribution.authorization import Authorization
from .distribution.blobs import BlobHandlers
from .distribution.manifests import ManifestHandlers
from .errors import render_errors
from .scanner import Scanner

PROJECTS = {"base": True, "demo": False}  # name: public; base images are for everybody, applications are not


class Harbor:
    """The registry and its console API on one HTTPS port."""

    name = "harbor"
    tls = True

    def __init__(self, context: Context) -> None:
        self._context = context
        self._database: sqlite3.Connection
        self._catalog: Catalog
        self._scanner: Scanner

    async def start(self) -> None:
        """Open the catalog, make what every sandbox has, and take up interrupted scans."""
        folder = self._context.folder(self.name)
        self._database = connect(folder / "harbor.sqlite3")
        blobs = Blobs(folder)
        blobs.forget_old_uploads()
        self._catalog = Catalog(self._database, blobs)
        for name, public in PROJECTS.items():
            if self._catalog.find_project(name) is None:
                self._catalog.create_project(name, public=public)
        ensure_base_images(self._catalog)
        self._scanner = Scanner(self._catalog)
        self._scanner.start()

    async def stop(self) -> None:
        """Interrupt scans and close the catalog."""
        await self._scanner.stop()
        self._database.close()

    def endpoints(self) -> dict[str, Any]:
        """Return the address of the API, of the registry, and the administrator's credentials."""
        url = self._context.url(self.name)
        password = self._context.password(self.name)
        return {"url": url, "registry": url.partition("://")[2], "username": ADMIN, "password": password}

    def application(self) -> web.Application:
        """Return `/v2/`, `/service/token` and `/api/v2.0/`."""
        access = Access(self._catalog, self._context.password(self.name), self._context.password("harbor-tokens"))
        authorization = Authorization(self._catalog, access)
        scope = Scope(self._catalog, access)
        application = web.Application(middlewares=[render_errors])
        application.router.add_get("/service/token", authorization.token)
        for handlers in (
            ManifestHandlers(self._catalog, authorization),
            BlobHandlers(self._catalog.blobs, self._catalog, authorization),
            SystemHandlers(scope, self._context.url(self.name)),
            ProjectHandlers(scope),
            ArtifactHandlers(scope, self._scanner),
            LabelHandlers(scope),
            RobotHandlers(scope),
        ):
            application.router.add_routes(handlers.routes())
        return application
