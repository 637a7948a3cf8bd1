"""The server itself: its description, the user, crumbs, nodes, quiet mode."""

from __future__ import annotations

from aiohttp import web

from deploy.sandbox.jenkins.access import CRUMB_FIELD, SESSION, USER

from .answers import Site, as_json, is_deep, page


class ServerHandlers:
    """The server itself."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            *(web.get(path, self.home) for path in ("/", "/login")),
            web.get("/api/json", self.describe),
            web.get("/me/api/json", self.me),
            web.get("/whoAmI/api/json", self.who_am_i),
            web.get("/crumbIssuer/api/json", self.crumb),
            web.get("/computer/api/json", self.nodes),
            web.get(r"/computer/{name:\((?:master|built-in)\)}/api/json", self.node),
            web.post("/quietDown", self.quiet_down),
            web.post("/cancelQuietDown", self.cancel_quiet_down),
        ]

    async def home(self, _request: web.Request) -> web.Response:
        """Answer the front page."""
        return page("Dashboard")

    async def describe(self, request: web.Request) -> web.Response:
        """Answer the server with its jobs."""
        return as_json(request, self._site.shapes.server(deep=is_deep(request)))

    async def me(self, request: web.Request) -> web.Response:
        """Answer the caller's user."""
        user = request[USER]
        url = f"{self._site.shapes.root}user/{user}"
        shape = {"_class": "hudson.model.User", "absoluteUrl": url, "fullName": user, "id": user, "property": []}
        return as_json(request, shape)

    async def who_am_i(self, request: web.Request) -> web.Response:
        """Answer how the caller is known."""
        shape = {"_class": "hudson.security.WhoAmI", "anonymous": False, "authenticated": True,
                 "authorities": ["authenticated"], "name": request[USER]}  # fmt: skip
        return as_json(request, shape)

    async def crumb(self, request: web.Request) -> web.Response:
        """Answer the crumb of the caller's session."""
        shape = {"_class": "hudson.security.csrf.DefaultCrumbIssuer",
                 "crumb": self._site.access.crumb(request[SESSION]), "crumbRequestField": CRUMB_FIELD}  # fmt: skip
        return as_json(request, shape)

    async def nodes(self, request: web.Request) -> web.Response:
        """Answer all nodes."""
        return as_json(request, self._site.shapes.nodes())

    async def node(self, request: web.Request) -> web.Response:
        """Answer the one node, with its executors."""
        return as_json(request, self._site.shapes.node())

    async def quiet_down(self, _request: web.Request) -> web.Response:
        """Start no more builds."""
        self._site.queue.quieting_down = True
        return page("Quieting down")

    async def cancel_quiet_down(self, _request: web.Request) -> web.Response:
        """Start builds again."""
        self._site.queue.quieting_down = False
        self._site.queue.dispatch()
        return page("Dashboard")
