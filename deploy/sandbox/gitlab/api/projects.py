"""Projects, their members and their webhooks."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from deploy.sandbox.gitlab import webhooks
from deploy.sandbox.gitlab.accounts import DEVELOPER, GUEST, MAINTAINER, OWNER, REPORTER, Hook, Project, now
from deploy.sandbox.gitlab.errors import ApiError, bad_request, forbidden, missing, not_found
from deploy.sandbox.gitlab.paging import paginated
from deploy.sandbox.gitlab.site import Site
from deploy.sandbox.gitlab.writing import ZERO, Change, commit_actions

from . import presenters
from .body import flag, parameters

PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
HOOK_TEXTS = ("url", "token", "name", "description", "push_events_branch_filter")
HOOK_FLAGS = ("push_events", "tag_push_events", "enable_ssl_verification")
LEVELS = (GUEST, REPORTER, DEVELOPER, MAINTAINER, OWNER)
TRIGGERS = {"push_events": "push", "tag_push_events": "tag"}


class Projects:
    """https://docs.gitlab.com/api/projects/, /members/ and /project_webhooks/."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._accounts = site.accounts

    def routes(self) -> list[web.RouteDef]:
        """Return the routes below /api/v4."""
        return [
            web.get("/projects", self.projects),
            web.post("/projects", self.create),
            web.get("/projects/{project}", self.project),
            web.delete("/projects/{project}", self.remove),
            web.get("/projects/{project}/members/all", self.members),
            web.get("/projects/{project}/members", self.members),
            web.post("/projects/{project}/members", self.add_member),
            web.get("/projects/{project}/hooks", self.hooks),
            web.post("/projects/{project}/hooks", self.create_hook),
            web.get("/projects/{project}/hooks/{hook}", self.hook),
            web.put("/projects/{project}/hooks/{hook}", self.update_hook),
            web.delete("/projects/{project}/hooks/{hook}", self.remove_hook),
            web.post("/projects/{project}/hooks/{hook}/test/{trigger}", self.test_hook),
        ]

    def _project(self, request: web.Request, level: int = 0) -> Project:
        return self._site.access.project(request["user"], request.match_info["project"], level)

    async def projects(self, request: web.Request) -> web.Response:
        """List the projects that the caller may see."""
        user = request["user"]
        found = self._accounts.visible_projects(user)
        search = request.query.get("search", "").lower()
        whole = flag(request.query.get("search_namespaces"))
        if search:
            found = [
                p
                for p in found
                if search in p.name.lower()
                or search in p.path.lower()
                or (whole and search in self._accounts.full_path(p).lower())
            ]
        if flag(request.query.get("membership")):
            found = [p for p in found if p.members.get(user.id) or self._accounts.group(p).members.get(user.id)]
        if minimum := request.query.get("min_access_level"):
            found = [p for p in found if self._accounts.access_level(user, p) >= int(minimum)]
        if request.query.get("order_by") in ("name", "path", "last_activity_at"):
            found.sort(key=lambda p: getattr(p, request.query["order_by"]))
            if request.query.get("sort", "desc") == "desc":
                found.reverse()
        return paginated(request, [await self._site.present(project, user) for project in found])

    async def create(self, request: web.Request) -> web.Response:
        """Make a project in a group, with a first commit where a README is wanted."""
        body = await parameters(request)
        name = body.get("name") or body.get("path")
        if not name:
            raise ApiError(400, {"error": "name, path are missing, at least one parameter must be provided"})
        path = body.get("path") or re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-").lower()
        group = self._accounts.find_group(body.get("namespace_id", ""))
        if group is None:
            raise bad_request({"namespace": ["is not valid"]})
        user = request["user"]
        if not user.admin and group.members.get(user.id, 0) < DEVELOPER:
            raise forbidden()
        if not PATH.fullmatch(path):
            raise bad_request({"path": ["can contain only letters, digits, '_', '-' and '.'"]})
        if self._accounts.find_project(f"{group.path}/{path}") is not None:
            raise bad_request({"name": ["has already been taken"], "path": ["has already been taken"]})
        project = await self._site.create_project(group, path, name, description=body.get("description") or "")
        project.visibility = body.get("visibility", "private")
        project.members[user.id] = MAINTAINER
        self._accounts.save()
        if flag(body.get("initialize_with_readme")):
            first = {"action": "create", "file_path": "README.md", "content": f"# {name}\n"}
            content = {"branch": project.default_branch, "commit_message": "Initial commit", "actions": [first]}
            await commit_actions(self._site.git(project), content, user)
        return web.json_response(await self._site.present(project, user), status=201)

    async def project(self, request: web.Request) -> web.Response:
        """Answer one project, by id or by path."""
        return web.json_response(await self._site.present(self._project(request), request["user"]))

    async def remove(self, request: web.Request) -> web.Response:
        """Remove a project for good."""
        self._site.remove_project(self._project(request, OWNER))
        return web.json_response({"message": "202 Accepted"}, status=202)

    async def members(self, request: web.Request) -> web.Response:
        """List who has access, inherited access included."""
        members = self._accounts.members(self._project(request))
        return paginated(
            request, [presenters.user(user, self._site.url) | {"access_level": level} for user, level in members]
        )

    async def add_member(self, request: web.Request) -> web.Response:
        """Give somebody access."""
        project = self._project(request, MAINTAINER)
        body = await parameters(request, "user_id", "access_level")
        user = self._accounts.find_user(int(body["user_id"]))
        if user is None:
            raise not_found("User")
        level = int(body["access_level"])
        if level not in LEVELS:
            raise ApiError(400, {"error": "access_level does not have a valid value"})
        project.members[user.id] = level
        self._accounts.save()
        shown = presenters.user(user, self._site.url) | {"access_level": level}
        return web.json_response(shown, status=201)

    async def hooks(self, request: web.Request) -> web.Response:
        """List the webhooks of a project."""
        project = self._project(request, MAINTAINER)
        return paginated(request, [presenters.hook(hook, project) for hook in project.hooks])

    def _hook(self, request: web.Request) -> tuple[Project, Hook]:
        project = self._project(request, MAINTAINER)
        found = next((hook for hook in project.hooks if str(hook.id) == request.match_info["hook"]), None)
        if found is None:
            raise not_found()
        return project, found

    async def hook(self, request: web.Request) -> web.Response:
        """Answer one webhook, without its secret token."""
        project, hook = self._hook(request)
        return web.json_response(presenters.hook(hook, project))

    async def create_hook(self, request: web.Request) -> web.Response:
        """Add a webhook."""
        project = self._project(request, MAINTAINER)
        body = await parameters(request, "url")
        _check_url(body["url"])
        hook = Hook(self._accounts.take_id(), body["url"], now())
        _configure(hook, body)
        project.hooks.append(hook)
        self._accounts.save()
        return web.json_response(presenters.hook(hook, project), status=201)

    async def update_hook(self, request: web.Request) -> web.Response:
        """Change a webhook."""
        project, hook = self._hook(request)
        body = await parameters(request, "url")
        _check_url(body["url"])
        _configure(hook, body)
        self._accounts.save()
        return web.json_response(presenters.hook(hook, project))

    async def remove_hook(self, request: web.Request) -> web.Response:
        """Remove a webhook."""
        project, hook = self._hook(request)
        project.hooks.remove(hook)
        self._accounts.save()
        return web.Response(status=204)

    async def test_hook(self, request: web.Request) -> web.Response:
        """Send the newest commit as an event, and wait for the receiver's answer."""
        project, hook = self._hook(request)
        if request.match_info["trigger"] not in TRIGGERS:
            raise ApiError(400, {"error": "trigger does not have a valid value"})
        sha = await self._site.git(project).find_commit("HEAD")
        if sha is None:
            raise ApiError(422, {"message": "Ensure the project has at least one commit."})
        kind = "refs/heads" if request.match_info["trigger"] == "push_events" else "refs/tags"
        parent = await self._site.git(project).find_commit("HEAD^")
        change = Change(f"{kind}/{project.default_branch}", parent or ZERO, sha)
        shown = presenters.event_project(self._accounts, project, self._site.url)
        body = await webhooks.event(self._site.reading(project), shown, request["user"], change)
        path = self._accounts.full_path(project)
        outcome = await self._site.webhooks.deliver(hook, project, path, body)
        if not outcome.startswith("2"):
            raise ApiError(422, {"message": f"Hook execution failed: {outcome}"})
        return web.json_response({"message": "201 Created"}, status=201)


def _check_url(url: Any) -> None:
    if not isinstance(url, str):
        raise missing("url")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ApiError(422, {"error": "Invalid url given"})


def _configure(hook: Hook, body: dict[str, Any]) -> None:
    for name in HOOK_TEXTS:
        if name in body:
            setattr(hook, name, body[name] or "")
    for name in HOOK_FLAGS:
        if name in body:
            setattr(hook, name, flag(body[name]))
