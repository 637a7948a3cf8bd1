"""Manifests, tags, referrers and the list of repositories over HTTP.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#endpoints
"""

from __future__ import annotations

import json
from urllib.parse import urlencode

from aiohttp import web

from deploy.sandbox.harbor.blobs import parse_digest
from deploy.sandbox.harbor.catalog import TAG_NAME, Catalog
from deploy.sandbox.harbor.errors import HarborError

from .authorization import Authorization

LARGEST_MANIFEST = 4 << 20
INDEX = "application/vnd.oci.image.index.v1+json"


class ManifestHandlers:
    """Handlers of everything below `/v2/` that is not a blob."""

    def __init__(self, catalog: Catalog, authorization: Authorization) -> None:
        self._catalog = catalog
        self._authorization = authorization

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        manifest = "/v2/{name:.+}/manifests/{reference}"
        return [
            web.get("/v2/", self.root),
            web.get("/v2/_catalog", self.repositories),
            web.get("/v2/{name:.+}/tags/list", self.tags),
            web.get("/v2/{name:.+}/referrers/{digest}", self.referrers),
            web.get(manifest, self.get),
            web.put(manifest, self.put),
            web.delete(manifest, self.delete),
        ]

    async def root(self, request: web.Request) -> web.Response:
        """GET /v2/: the version check, also how `docker login` tries credentials."""
        self._authorization.login(request)
        return web.json_response({}, headers={"Docker-Distribution-Api-Version": "registry/2.0"})

    async def get(self, request: web.Request) -> web.Response:
        """GET or HEAD a manifest by tag or digest, byte for byte as it was pushed."""
        name = self._authorization.repository(request, "pull")
        reference = _reference(request)
        artifact = self._catalog.find_artifact(name, reference)
        if artifact is None:
            raise HarborError("MANIFEST_UNKNOWN", f"artifact {name}:{reference} not found", detail={"tag": reference})
        if request.method == "GET":
            self._catalog.record_pull(artifact, reference)
        headers = {"Content-Type": artifact["media_type"], "Docker-Content-Digest": artifact["digest"]}
        return web.Response(body=self._catalog.blobs.read(artifact["digest"]), headers=headers)

    async def put(self, request: web.Request) -> web.Response:
        """PUT a manifest under a tag or digest."""
        name = self._authorization.repository(request, "push")
        reference = _reference(request)
        content = await request.read()
        if len(content) > LARGEST_MANIFEST:
            raise HarborError("MANIFEST_INVALID", f"manifest is larger than {LARGEST_MANIFEST} bytes")
        content_type = request.headers.get("Content-Type", "").partition(";")[0].strip()
        digest, manifest = self._catalog.put_manifest(name, reference, content, content_type)
        request["journal"].update(repository=name, reference=reference, digest=digest)
        headers = {"Location": f"/v2/{name}/manifests/{digest}", "Docker-Content-Digest": digest}
        if manifest.subject:
            headers["OCI-Subject"] = manifest.subject
        return web.Response(status=201, headers=headers)

    async def delete(self, request: web.Request) -> web.Response:
        """DELETE a manifest by digest; Harbor leaves the deletion of tags to its own API."""
        name = self._authorization.repository(request, "delete")
        reference = request.match_info["reference"]
        if ":" not in reference:
            raise HarborError("UNSUPPORTED", "deleting by tag is not supported, use the digest")
        artifact = self._catalog.find_artifact(name, parse_digest(reference))
        if artifact is None:
            raise HarborError("MANIFEST_UNKNOWN", f"artifact {name}@{reference} not found")
        self._catalog.delete_artifact(artifact)
        return web.Response(status=202)

    async def tags(self, request: web.Request) -> web.Response:
        """GET the tags of a repository in lexical order, `n` at a time after `last`."""
        name = self._authorization.repository(request, "pull")
        if self._catalog.find_repository(name) is None:
            raise HarborError("NAME_UNKNOWN", f"repository {name} not found", detail={"name": name})
        tags, headers = _page(request, self._catalog.tags(name))
        return web.json_response({"name": name, "tags": tags}, headers=headers)

    async def repositories(self, request: web.Request) -> web.Response:
        """GET the names of all repositories (administrator only)."""
        self._authorization.catalog(request)
        names = [row["name"] for row in self._catalog.all("SELECT name FROM repository ORDER BY name")]
        names, headers = _page(request, names)
        return web.json_response({"repositories": names}, headers=headers)

    async def referrers(self, request: web.Request) -> web.Response:
        """GET an index of the manifests whose subject is this digest (signatures, reports)."""
        name = self._authorization.repository(request, "pull")
        subject = parse_digest(request.match_info["digest"])
        wanted = request.query.get("artifactType")
        rows = self._catalog.all(
            "SELECT a.* FROM artifact a JOIN repository r ON r.id = a.repository_id "
            "WHERE r.name = ? AND a.subject = ? ORDER BY a.id",
            name,
            subject,
        )
        found = []
        for row in rows:
            if wanted in (None, row["artifact_type"]):
                content = self._catalog.blobs.read(row["digest"])
                descriptor = {"mediaType": row["media_type"], "digest": row["digest"], "size": len(content)}
                descriptor["artifactType"] = row["artifact_type"]
                descriptor["annotations"] = json.loads(content).get("annotations", {})
                found.append(descriptor)
        headers = {"OCI-Filters-Applied": "artifactType"} if wanted else {}
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": found}
        return web.json_response(index, content_type=INDEX, headers=headers)


def _reference(request: web.Request) -> str:
    reference = request.match_info["reference"]
    if ":" in reference:
        return parse_digest(reference)
    if not TAG_NAME.fullmatch(reference):
        raise HarborError("TAG_INVALID", f"invalid tag {reference!r}")
    return reference


def _page(request: web.Request, names: list[str]) -> tuple[list[str], dict[str, str]]:
    last, limit = request.query.get("last", ""), request.query.get("n")
    names = [name for name in names if name > last] if last else names
    if limit is None:
        return names, {}
    if not limit.isdecimal():
        raise HarborError("PAGINATION_NUMBER_INVALID", f"invalid number of results requested: {limit!r}")
    shown = names[: int(limit)]
    if not shown or len(shown) == len(names):
        return shown, {}
    query = urlencode({"n": limit, "last": shown[-1]})
    return shown, {"Link": f'<{request.path}?{query}>; rel="next"'}
