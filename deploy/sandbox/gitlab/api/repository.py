"""Branches, tags, commits, compare, tree and files."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from deploy.sandbox.gitlab.accounts import DEVELOPER, REPORTER, Project
from deploy.sandbox.gitlab.errors import ApiError, bad_request, not_found
from deploy.sandbox.gitlab.git import GitError
from deploy.sandbox.gitlab.paging import page_of, paginated, paginated_without_total
from deploy.sandbox.gitlab.reading import Reading
from deploy.sandbox.gitlab.site import Site
from deploy.sandbox.gitlab.writing import ZERO, Change, commit_actions, move

from .body import flag, parameters

Entity = dict[str, Any]


class Repository:
    """https://docs.gitlab.com/api/repositories/ and its neighbours."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[web.RouteDef]:
        """Return the routes below /api/v4."""
        base = "/projects/{project}/repository"
        return [
            web.get(f"{base}/branches", self.branches),
            web.post(f"{base}/branches", self.create_branch),
            web.get(f"{base}/branches/{{name}}", self.branch),
            web.delete(f"{base}/branches/{{name}}", self.remove_branch),
            web.get(f"{base}/tags", self.tags),
            web.post(f"{base}/tags", self.create_tag),
            web.get(f"{base}/tags/{{name}}", self.tag),
            web.delete(f"{base}/tags/{{name}}", self.remove_tag),
            web.get(f"{base}/commits", self.commits),
            web.post(f"{base}/commits", self.create_commit),
            web.get(f"{base}/commits/{{sha}}", self.commit),
            web.get(f"{base}/commits/{{sha}}/refs", self.commit_refs),
            web.get(f"{base}/commits/{{sha}}/diff", self.commit_diff),
            web.get(f"{base}/compare", self.compare),
            web.get(f"{base}/tree", self.tree),
            web.get(f"{base}/files/{{path}}", self.file),
            web.post(f"{base}/files/{{path}}", self.write_file),
            web.put(f"{base}/files/{{path}}", self.write_file),
            web.delete(f"{base}/files/{{path}}", self.write_file),
            web.get(f"{base}/files/{{path}}/raw", self.raw_file),
        ]

    def _project(self, request: web.Request, level: int = REPORTER) -> Project:
        return self._site.access.project(request["user"], request.match_info["project"], level)

    def _reading(self, request: web.Request) -> Reading:
        return self._site.reading(self._project(request))

    async def branches(self, request: web.Request) -> web.Response:
        """List the branches by name."""
        return paginated(request, _search(request, await self._reading(request).branches()))

    async def branch(self, request: web.Request) -> web.Response:
        """Answer one branch."""
        return web.json_response(_named(await self._reading(request).branches(), request, "Branch"))

    async def create_branch(self, request: web.Request) -> web.Response:
        """Make a branch at a commit."""
        project = self._project(request, DEVELOPER)
        body = await parameters(request, "branch", "ref")
        await self._create_ref(request, project, "refs/heads/", body["branch"], body["ref"], "Branch already exists")
        branches = await self._site.reading(project).branches()
        return web.json_response(next(b for b in branches if b["name"] == body["branch"]), status=201)

    async def remove_branch(self, request: web.Request) -> web.Response:
        """Remove a branch; the default branch is protected."""
        project = self._project(request, DEVELOPER)
        branch = _named(await self._site.reading(project).branches(), request, "Branch")
        if branch["default"]:
            raise ApiError(400, {"message": "Cannot remove the default branch"})
        await self._move(request, project, Change(f"refs/heads/{branch['name']}", branch["commit"]["id"], ZERO))
        return web.Response(status=204)

    async def tags(self, request: web.Request) -> web.Response:
        """List the tags, last made first."""
        found = _search(request, await self._reading(request).tags())
        if request.query.get("order_by") in ("name", "version"):
            found.sort(key=lambda tag: tag["name"])
            if request.query.get("sort", "desc") == "desc":
                found.reverse()
        elif request.query.get("sort") == "asc":
            found.reverse()
        return paginated(request, found)

    async def tag(self, request: web.Request) -> web.Response:
        """Answer one tag."""
        return web.json_response(_named(await self._reading(request).tags(), request, "Tag"))

    async def create_tag(self, request: web.Request) -> web.Response:
        """Make a lightweight tag at a commit."""
        project = self._project(request, DEVELOPER)
        body = await parameters(request, "tag_name", "ref")
        taken = f"Tag {body['tag_name']} already exists"
        await self._create_ref(request, project, "refs/tags/", body["tag_name"], body["ref"], taken)
        tags = await self._site.reading(project).tags()
        return web.json_response(next(tag for tag in tags if tag["name"] == body["tag_name"]), status=201)

    async def remove_tag(self, request: web.Request) -> web.Response:
        """Remove a tag."""
        project = self._project(request, DEVELOPER)
        tag = _named(await self._site.reading(project).tags(), request, "Tag")
        await self._move(request, project, Change(f"refs/tags/{tag['name']}", tag["target"], ZERO))
        return web.Response(status=204)

    async def _create_ref(
        self, request: web.Request, project: Project, folder: str, name: str, ref: str, taken: str
    ) -> None:
        git = self._site.git(project)
        try:
            await git.run("check-ref-format", folder + name)
        except GitError as exc:
            raise bad_request("The name is invalid") from exc
        if folder + name in await git.refs():
            raise bad_request(taken)
        sha = await git.find_commit(ref)
        if sha is None:
            raise bad_request(f"Target {ref} is invalid")
        await self._move(request, project, Change(folder + name, ZERO, sha))

    async def _move(self, request: web.Request, project: Project, change: Change) -> None:
        git = self._site.git(project)
        async with git.writing:
            await move(git, change)
        await self._site.announce(project, request["user"], [change])

    async def commits(self, request: web.Request) -> web.Response:
        """List commits, newest first."""
        reading = self._reading(request)
        page, size = page_of(request)
        query = request.query
        arguments = [f"--skip={(page - 1) * size}", f"--max-count={size + 1}"]
        arguments += [f"--{name}={query[name]}" for name in ("since", "until", "author") if query.get(name)]
        if flag(query.get("first_parent")):
            arguments.append("--first-parent")
        if query.get("order") == "topo":
            arguments.append("--topo-order")
        if flag(query.get("all")):
            arguments.append("--all")
        else:
            arguments.append(await self._log_range(reading, query.get("ref_name") or ""))
        if not await reading.git.refs():
            return paginated_without_total(request, [])
        paths = (query["path"],) if query.get("path") else ()
        found = await reading.commits(*arguments, paths=paths, stats=flag(query.get("with_stats")))
        return paginated_without_total(request, found)

    @staticmethod
    async def _log_range(reading: Reading, wanted: str) -> str:
        if not wanted:
            return "HEAD"
        first, dots, last = wanted.partition("..")
        if not dots:
            return await reading.commit_id(wanted)
        return f"{await reading.commit_id(first)}..{await reading.commit_id(last.lstrip('.') or 'HEAD')}"

    async def commit(self, request: web.Request) -> web.Response:
        """Answer one commit, by id, branch or tag."""
        project = self._project(request)
        stats = flag(request.query.get("stats", "true"))
        found = await self._site.reading(project).commit(request.match_info["sha"], stats=stats)
        return web.json_response(found | {"project_id": project.id, "status": None, "last_pipeline": None})

    async def commit_refs(self, request: web.Request) -> web.Response:
        """List the branches and tags that contain a commit."""
        kind = request.query.get("type", "all")
        return paginated(request, await self._reading(request).refs_containing(request.match_info["sha"], kind))

    async def commit_diff(self, request: web.Request) -> web.Response:
        """List the files that a commit changed."""
        return paginated(request, await self._reading(request).commit_diff(request.match_info["sha"]))

    async def create_commit(self, request: web.Request) -> web.Response:
        """Commit file actions onto a branch; it is announced like a push."""
        project = self._project(request, DEVELOPER)
        body = await parameters(request)
        return web.json_response(await self._commit(request, project, body), status=201)

    async def _commit(self, request: web.Request, project: Project, body: Entity) -> Entity:
        git = self._site.git(project)
        async with git.writing:
            sha, change = await commit_actions(git, body, request["user"])
        await self._site.announce(project, request["user"], [change])
        request["journal"] |= {"project": self._site.accounts.full_path(project), "refs": [change.ref], "after": sha}
        return await self._site.reading(project).commit(sha, stats=True) | {"project_id": project.id}

    async def compare(self, request: web.Request) -> web.Response:
        """Answer what one commit has that another has not."""
        query = await parameters(request, "from", "to")
        reading = self._reading(request)
        return web.json_response(
            await reading.compare(query["from"], query["to"], straight=flag(query.get("straight")))
        )

    async def tree(self, request: web.Request) -> web.Response:
        """List a folder."""
        reading, query = self._reading(request), request.query
        if not await reading.git.refs():
            raise not_found("Tree")
        recursive = flag(query.get("recursive"))
        return paginated(
            request, await reading.tree(query.get("ref") or "HEAD", query.get("path", ""), recursive=recursive)
        )

    async def file(self, request: web.Request) -> web.Response:
        """Answer a file with its content as base64."""
        ref = (await parameters(request, "ref"))["ref"]
        description, _ = await self._reading(request).file(ref, request.match_info["path"])
        headers = {
            f"X-Gitlab-{name.replace('_', '-').title()}": str(value)
            for name, value in description.items()
            if name != "content"
        }
        if request.method == "HEAD":
            return web.Response(headers=headers)
        return web.json_response(description, headers=headers)

    async def raw_file(self, request: web.Request) -> web.Response:
        """Answer a file's bytes."""
        ref = request.query.get("ref") or "HEAD"
        _, content = await self._reading(request).file(ref, request.match_info["path"])
        return web.Response(body=content, content_type="text/plain", charset="utf-8")

    async def write_file(self, request: web.Request) -> web.Response:
        """Create, update or delete one file as one commit."""
        project = self._project(request, DEVELOPER)
        body = await parameters(request, "branch", "commit_message")
        path = request.match_info["path"]
        kind = {"POST": "create", "PUT": "update", "DELETE": "delete"}[request.method]
        action = {"action": kind, "file_path": path}
        action |= {name: body[name] for name in ("content", "encoding", "execute_filemode") if name in body}
        await self._commit(request, project, body | {"actions": [action]})
        if kind == "delete":
            return web.Response(status=204)
        status = 201 if kind == "create" else 200
        return web.json_response({"file_path": path, "branch": body["branch"]}, status=status)


def _search(request: web.Request, items: list[Entity]) -> list[Entity]:
    """Keep the items that match `search`; `^` and `$` mean begin and end, as GitLab has it."""
    wanted = request.query.get("search", "").lower()
    begins, ends = wanted.startswith("^"), wanted.endswith("$")
    word = wanted.removeprefix("^").removesuffix("$")

    def matches(name: str) -> bool:
        if begins or ends:
            return (not begins or name.startswith(word)) and (not ends or name.endswith(word))
        return word in name

    return [item for item in items if matches(item["name"].lower())]


def _named(items: list[Entity], request: web.Request, what: str) -> Entity:
    found = next((item for item in items if item["name"] == request.match_info["name"]), None)
    if found is None:
        raise not_found(what)
    return found
