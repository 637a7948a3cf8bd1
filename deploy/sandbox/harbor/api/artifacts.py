"""Artifacts, their tags, labels, scans and additions."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from aiohttp import web

from deploy.sandbox.harbor.catalog import TAG_NAME
from deploy.sandbox.harbor.errors import HarborError
from deploy.sandbox.harbor.scanner import Scanner

from . import render
from .paging import listed
from .scope import Scope, body_of


class ArtifactHandlers:
    """Handlers below `/projects/P/repositories/R/artifacts`."""

    def __init__(self, scope: Scope, scanner: Scanner) -> None:
        self._scope = scope
        self._catalog = scope.catalog
        self._scanner = scanner

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        artifacts = "/api/v2.0/projects/{project}/repositories/{repository}/artifacts"
        artifact = f"{artifacts}/{{reference}}"
        return [
            web.get(artifacts, self.list_artifacts),
            web.post(artifacts, self.copy),
            web.get(artifact, self.get),
            web.delete(artifact, self.delete),
            web.get(f"{artifact}/tags", self.list_tags),
            web.post(f"{artifact}/tags", self.create_tag),
            web.delete(f"{artifact}/tags/{{tag}}", self.delete_tag),
            web.post(f"{artifact}/labels", self.add_label),
            web.delete(f"{artifact}/labels/{{label}}", self.remove_label),
            web.post(f"{artifact}/scan", self.scan),
            web.get(f"{artifact}/additions/{{addition}}", self.addition),
        ]

    async def list_artifacts(self, request: web.Request) -> web.Response:
        """GET a repository's artifacts, newest push first."""
        repository = self._scope.repository(request, "artifact", "list")
        found = self._catalog.all("SELECT * FROM artifact WHERE repository_id = ?", repository["id"])
        rows = [self._render(request, repository, row) for row in found]
        tags = {row["id"]: [tag["name"] for tag in render.tags_of(self._catalog, row)] for row in found}
        values = {"tags": lambda row: tags[row["id"]]}
        return listed(request, rows, sort="-push_time,-id", values=values)

    async def copy(self, request: web.Request) -> web.Response:
        """POST ?from=PROJECT/REPOSITORY:TAG or @DIGEST: copy an artifact without moving a byte."""
        project = self._scope.project(request, "artifact", "create")
        source = request.query.get("from", "")
        name, _, reference = source.partition("@") if "@" in source else source.rpartition(":")
        origin = self._catalog.find_project(name.partition("/")[0])
        readable = self._scope.access.identify(request).can(origin, "repository", "pull")
        artifact = self._catalog.find_artifact(name, reference) if readable else None
        if artifact is None:
            raise HarborError("NOT_FOUND", f"artifact {source} not found")
        target = f"{project['name']}/{request.match_info['repository'].replace('%2F', '/')}"
        content = self._catalog.blobs.read(artifact["digest"])
        manifest = json.loads(content)
        if "manifests" in manifest:
            raise HarborError("BAD_REQUEST", "copying an index is not supported by the sandbox: copy its images")
        for blob in (manifest["config"], *manifest["layers"]):
            self._catalog.link(target, blob["digest"])
        tags = [reference] if ":" not in reference else []
        for destination in tags or [artifact["digest"]]:
            self._catalog.put_manifest(target, destination, content, artifact["media_type"])
        location = f"{request.rel_url.raw_path}/{artifact['digest']}"
        return web.Response(status=201, headers={"Location": location})

    async def get(self, request: web.Request) -> web.Response:
        """GET one artifact by tag or digest."""
        repository, artifact = self._scope.artifact(request, "artifact", "read")
        return web.json_response(self._render(request, repository, artifact))

    async def delete(self, request: web.Request) -> web.Response:
        """DELETE an artifact with its tags."""
        repository, artifact = self._scope.artifact(request, "artifact", "delete")
        self._catalog.delete_artifact(artifact)
        request["journal"].update(repository=repository["name"], digest=artifact["digest"])
        return web.Response()

    async def list_tags(self, request: web.Request) -> web.Response:
        """GET an artifact's tags."""
        _, artifact = self._scope.artifact(request, "tag", "list")
        return listed(request, [render.tag(row) for row in render.tags_of(self._catalog, artifact)], sort="name")

    async def create_tag(self, request: web.Request) -> web.Response:
        """POST a tag; one that exists in the repository is a conflict."""
        repository, artifact = self._scope.artifact(request, "tag", "create")
        name = str((await body_of(request)).get("name", ""))
        if not TAG_NAME.fullmatch(name):
            raise HarborError("BAD_REQUEST", f"invalid tag name: {name!r}")
        if name in self._catalog.tags(repository["name"]):
            raise HarborError("CONFLICT", f"tag {name} already exists")
        self._catalog.set_tag(artifact, name)
        return web.Response(status=201, headers={"Location": f"{request.rel_url.raw_path}/{name}"})

    async def delete_tag(self, request: web.Request) -> web.Response:
        """DELETE a tag; the artifact stays."""
        repository, artifact = self._scope.artifact(request, "tag", "delete")
        name = request.match_info["tag"]
        if not self._catalog.delete_tag(artifact, name):
            raise HarborError("NOT_FOUND", f"tag {repository['name']}:{name} not found")
        return web.Response()

    async def add_label(self, request: web.Request) -> web.Response:
        """POST {"id"}: put a label on an artifact."""
        repository, artifact = self._scope.artifact(request, "artifact-label", "create")
        label = self._label(repository, (await body_of(request)).get("id"))
        sql = "SELECT 1 FROM artifact_label WHERE artifact_id = ? AND label_id = ?"
        if self._catalog.one(sql, artifact["id"], label["id"]) is not None:
            raise HarborError("CONFLICT", f"label {label['id']} is already on the artifact")
        self._catalog.database.execute("INSERT INTO artifact_label VALUES (?, ?)", (artifact["id"], label["id"]))
        return web.Response()

    async def remove_label(self, request: web.Request) -> web.Response:
        """DELETE a label from an artifact."""
        _, artifact = self._scope.artifact(request, "artifact-label", "delete")
        sql = "DELETE FROM artifact_label WHERE artifact_id = ? AND label_id = ?"
        label = request.match_info["label"]
        if not self._catalog.database.execute(sql, (artifact["id"], label)).rowcount:
            raise HarborError("NOT_FOUND", f"label {label} is not on the artifact")
        return web.Response()

    async def scan(self, request: web.Request) -> web.Response:
        """POST: queue a scan."""
        _, artifact = self._scope.artifact(request, "scan", "create")
        self._scanner.scan(artifact)
        return web.Response(status=202)

    async def addition(self, request: web.Request) -> web.Response:
        """GET the vulnerability report or the build history of an artifact."""
        _, artifact = self._scope.artifact(request, "artifact-addition", "read")
        addition = request.match_info["addition"]
        if addition == "vulnerabilities":
            return web.json_response(self._scanner.report(artifact))
        if addition == "build_history":
            manifest = json.loads(self._catalog.blobs.read(artifact["digest"]))
            return web.json_response(render.configuration(self._catalog, manifest).get("history", []))
        raise HarborError("BAD_REQUEST", f"addition {addition!r} is not supported by the artifact")

    def _render(self, request: web.Request, repository: sqlite3.Row, row: sqlite3.Row) -> dict[str, Any]:
        def asked(name: str, default: str) -> bool:
            return request.query.get(name, default).lower() in ("true", "1")

        return render.artifact(
            self._catalog, self._scanner, repository, row,
            with_tag=asked("with_tag", "true"),
            with_label=asked("with_label", "false"),
            with_scan=asked("with_scan_overview", "false"),
        )  # fmt: skip

    def _label(self, repository: sqlite3.Row, label_id: Any) -> sqlite3.Row:
        sql = "SELECT * FROM label WHERE id = ? AND coalesce(project_id, ?) = ?"
        project = repository["project_id"]
        label = self._catalog.one(sql, label_id, project, project) if isinstance(label_id, int) else None
        if label is None:
            raise HarborError("NOT_FOUND", f"label {label_id} not found")
        return label
