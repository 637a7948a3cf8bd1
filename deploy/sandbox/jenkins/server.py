"""The sandbox's Jenkins: the remote API on one port over jobs, a queue and builds that really run.

Flow: python-jenkins or a browser -> `api/` (doors) -> items, queue, credentials (state on disk) -> `launch`
starts a `runner` per build -> `pipeline` runs the scripts of `jenkins-library/resources`.

The fault {"kind": "drop", "server": "jenkins", "method": "RESTART", "path": "/queue"} makes the next start
forget what was waiting.
"""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from aiohttp import web

from deploy.sandbox.common.host import Context

from .access import Access
from .api.answers import Site
from .api.builds import BuildHandlers
from .api.callbacks import CallbackHandlers
from .api.credentials import CredentialHandlers
from .api.items import ItemHandlers
from .api.queue import QueueHandlers
from .api.root import ServerHandlers
from .credentials import USERNAME_PASSWORD, Credential, Credentials
from .items import Items
from .launch import LIBRARY, Launcher
from .queue import Queue
from .shapes import Shapes

VERSION = "2.516.3"  # what clients compare with
USERNAME = "admin"


class Jenkins:
    """One Jenkins server with two executors."""

    name = "jenkins"
    tls = True

    def __init__(self, context: Context, library: Path = LIBRARY) -> None:
        self._context = context
        self._library = library
        self._site: Site | None = None

    async def start(self) -> None:
        """Load jobs, credentials and the queue, and take running builds back."""
        context = self._context
        home = context.folder(self.name)
        store = Credentials(home / "credentials.json")
        for credential in self._presets():
            store.put("", credential)
        launcher = Launcher(context, home, store, self._library)
        launcher.prepare()
        jobs = Items(home)
        waiting = Queue(home, jobs, launcher.start)
        shapes = Shapes(f"{context.url(self.name)}/", jobs, waiting)
        access = Access(USERNAME, context.password("jenkins"), context.password("jenkins-token"))
        self._site = Site(jobs, waiting, store, shapes, access)
        lost = context.faults.take(self.name, "RESTART", "/queue", ("drop",)) is not None
        await waiting.open(lose_waiting=lost)

    async def stop(self) -> None:
        """Stop watching; running builds go on, as Pipelines do while Jenkins restarts."""
        if self._site is not None:
            await self._site.queue.close()

    def endpoints(self) -> dict[str, Any]:
        """Return the URL, the user, the API token for programs, and the password for a person."""
        context = self._context
        return {
            "url": context.url(self.name),
            "username": USERNAME,
            "token": context.password("jenkins-token"),
            "password": context.password("jenkins"),
        }

    def application(self) -> web.Application:
        """Return the remote API. Called after `start`."""
        assert self._site is not None
        application = web.Application(middlewares=[self._site.access.middleware()])
        session = secrets.token_hex(4)

        async def sign(_request: web.Request, response: web.StreamResponse) -> None:
            response.headers["X-Jenkins"] = VERSION
            response.headers["X-Jenkins-Session"] = session
            response.headers["X-Content-Type-Options"] = "nosniff"

        application.on_response_prepare.append(sign)
        for doors in (ServerHandlers, ItemHandlers, BuildHandlers, QueueHandlers, CredentialHandlers):
            application.add_routes(doors(self._site).routes())
        application.add_routes(CallbackHandlers(self._site, self._context).routes())
        return application

    def _presets(self) -> list[Credential]:
        """Return what an administrator would have set up: how to read the GitLab and push to the Harbor beside us."""
        servers = self._context.servers
        presets = []
        if gitlab := servers.get("gitlab"):
            token = gitlab.endpoints()["residents"]["jenkins"]["token"]
            presets.append(
                Credential("slipway-gitlab", USERNAME_PASSWORD, token, "jenkins", "Reads the sandbox's GitLab")
            )
        if harbor := servers.get("harbor"):
            robot = harbor.endpoints()
            presets.append(
                Credential(
                    "slipway-registry",
                    USERNAME_PASSWORD,
                    robot["password"],
                    robot["username"],
                    "Pushes to the sandbox's Harbor",
                )
            )
        return presets
