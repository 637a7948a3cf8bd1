"""The stand-in for GitLab: composition, error answers and the git face."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from deploy.sandbox.common.host import Context, Handler
from deploy.sandbox.samples.importer import import_samples

from .accounts import DEVELOPER, MAINTAINER, REPORTER, Project
from .api.people import People
from .api.projects import Projects
from .api.repository import Repository
from .errors import ApiError
from .site import Site
from .smart_http import SERVICES, advertise, changes, receive, upload

API = "/api/v4"
PROJECT = r"/{path:.+?}{suffix:(?:\.git)?}"
NEEDED_LEVEL = {"git-upload-pack": REPORTER, "git-receive-pack": DEVELOPER}
# Who is there from the first day: user name, shown name, scopes of the token, access level in the sample group.
RESIDENTS = (
    ("root", "Administrator", ["api"], 0),
    ("slipway", "Slipway", ["api"], MAINTAINER),
    ("jenkins", "Jenkins", ["read_repository"], REPORTER),
    ("developer", "Ada Novak", ["api", "write_repository"], DEVELOPER),
)
SAMPLE_GROUP = "demo"


class GitLab:
    """API v4 and smart HTTP over bare repositories."""

    name = "gitlab"
    tls = True

    def __init__(self, context: Context) -> None:
        self._context = context
        self._site: Site | None = None

    @property
    def site(self) -> Site:
        """Return the running site."""
        if self._site is None:
            raise RuntimeError("the GitLab stand-in is not started")
        return self._site

    async def start(self) -> None:
        """Read the accounts, and on the first start make people, the sample group and its projects."""
        site = self._site = Site(self._context)
        await site.webhooks.start()
        group = site.accounts.ensure_group(SAMPLE_GROUP)
        for username, name, scopes, level in RESIDENTS:
            user = site.accounts.ensure_user(username, name, admin=username == "root")
            site.accounts.ensure_token(user, "sandbox", self._secret(username), scopes)
            if level:
                group.members.setdefault(user.id, level)
        site.accounts.save()
        await import_samples(site, group)

    async def stop(self) -> None:
        """Drop webhooks that are on their way."""
        await self.site.webhooks.stop()

    def endpoints(self) -> dict[str, Any]:
        """Return the address and the token of each resident."""
        people = {name: {"username": name, "token": self._secret(name)} for name, *_ in RESIDENTS}
        url = self._context.url(self.name)
        # Slipway's own connection comes first; `residents` are for Jenkins, for pushes and for administration.
        return {"url": url, **people["slipway"], "group": SAMPLE_GROUP, "residents": people}

    def _secret(self, username: str) -> str:
        return f"glpat-{self._context.password(f'gitlab-{username}')}"

    def application(self) -> web.Application:
        """Return the API below /api/v4 and git at /GROUP/PROJECT.git."""
        application = web.Application(middlewares=[self._answer_errors])
        for part in (People(self.site), Projects(self.site), Repository(self.site)):
            for route in part.routes():
                application.router.add_route(route.method, API + route.path, self._authenticated(route.handler))
        application.router.add_get(PROJECT + "/info/refs", self._advertise)
        for service in SERVICES:
            application.router.add_post(f"{PROJECT}/{{service:{service}}}", self._exchange)
        for probe in ("/-/health", "/-/readiness", "/-/liveness"):
            application.router.add_get(probe, self._healthy)
        application.router.add_route("*", "/{path:.*}", self._unknown)
        return application

    @web.middleware
    async def _answer_errors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            response: web.StreamResponse = await handler(request)
        except ApiError as exc:
            return exc.response()
        return response

    def _authenticated(self, handler: Handler) -> Handler:
        async def authenticated(request: web.Request) -> web.StreamResponse:
            user, token = self.site.access.authenticate(request)
            self.site.access.require_api_scope(request, token)
            request["user"], request["token"] = user, token
            request["journal"]["user"] = user.username
            response: web.StreamResponse = await handler(request)
            return response

        return authenticated

    async def _advertise(self, request: web.Request) -> web.StreamResponse:
        service = request.query.get("service", "")
        if service not in SERVICES:
            raise web.HTTPForbidden(text="This GitLab speaks smart HTTP only; please update git.")
        _, project = self._open(request, service)
        return await advertise(request, self.site.git(project), service)

    async def _exchange(self, request: web.Request) -> web.StreamResponse:
        service = request.match_info["service"]
        user, project = self._open(request, service)
        git = self.site.git(project)
        if service == "git-upload-pack":
            return await upload(request, git)
        async with git.writing:
            before = await git.refs()
            try:
                response = await receive(request, git)
            finally:  # a client that leaves before the answer must not swallow the webhook of what it pushed
                moved = changes(before, await git.refs())
                request["journal"]["refs"] = [change.ref for change in moved]
                await self.site.announce(project, user, moved)
        return response

    def _open(self, request: web.Request, service: str) -> tuple[Any, Project]:
        path = request.match_info["path"]
        user, project = self.site.access.git(request, path, service, NEEDED_LEVEL[service])
        request["journal"] |= {"user": user.username, "project": path}
        return user, project

    async def _healthy(self, _request: web.Request) -> web.Response:
        return web.Response(text="GitLab OK")

    async def _unknown(self, request: web.Request) -> web.Response:
        if request.path.startswith(API):
            self.site.access.authenticate(request)
            raise ApiError(404, {"error": "404 Not Found"})
        raise web.HTTPNotFound(text="The sandbox's GitLab has no pages: use its API or git.\n")
