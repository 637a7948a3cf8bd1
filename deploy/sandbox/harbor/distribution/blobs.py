"""Blobs over HTTP: download with ranges, and the three ways to upload (monolithic, chunked, mounted).

https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pushing-blobs
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from aiohttp import web

from deploy.sandbox.harbor.blobs import Blobs, parse_digest
from deploy.sandbox.harbor.catalog import Catalog
from deploy.sandbox.harbor.errors import HarborError

from .authorization import Authorization

CONTENT_RANGE = re.compile(r"(?:bytes[ =])?(\d+)-(\d+)(?:/.*)?")
CHUNK = 1 << 20


class BlobHandlers:
    """Handlers below `/v2/NAME/blobs/`."""

    def __init__(self, blobs: Blobs, catalog: Catalog, authorization: Authorization) -> None:
        self._blobs = blobs
        self._catalog = catalog
        self._authorization = authorization

    def routes(self) -> list[web.RouteDef]:
        """Return the routes; uploads first, since a repository's name may hold slashes."""
        uploads, upload = "/v2/{name:.+}/blobs/uploads/", "/v2/{name:.+}/blobs/uploads/{upload}"
        return [
            web.post(uploads, self.begin),
            web.get(upload, self.progress, allow_head=False),
            web.patch(upload, self.append),
            web.put(upload, self.finish),
            web.delete(upload, self.cancel),
            web.get("/v2/{name:.+}/blobs/{digest}", self.download),
            web.delete("/v2/{name:.+}/blobs/{digest}", self.delete),
        ]

    async def download(self, request: web.Request) -> web.StreamResponse:
        """GET or HEAD one blob; aiohttp's file response answers ranges (206, 416)."""
        name = self._authorization.repository(request, "pull")
        digest = self._known(name, request)
        headers = {
            "Docker-Content-Digest": digest,
            "Content-Type": "application/octet-stream",
            "Cache-Control": "max-age=31536000",
        }
        return web.FileResponse(self._blobs.path(digest), headers=headers, chunk_size=CHUNK)

    async def delete(self, request: web.Request) -> web.Response:
        """DELETE the link from the repository to a blob; the content may be in use elsewhere."""
        name = self._authorization.repository(request, "delete")
        self._catalog.unlink(name, self._known(name, request))
        return web.Response(status=202)

    async def begin(self, request: web.Request) -> web.Response:
        """POST a new upload: mount an existing blob, take the whole content at once, or open a session."""
        name = self._authorization.repository(request, "push")
        if "mount" in request.query and self._mount(request, name, parse_digest(request.query["mount"])):
            return self._created(name, request.query["mount"])
        digest = parse_digest(request.query["digest"]) if "digest" in request.query else None
        upload = self._blobs.begin_upload(name)
        if digest is None:
            return self._accepted(name, upload, 0, 202)
        await self._receive(request, self._blobs.upload(name, upload))
        return await self._commit(name, upload, digest)

    async def progress(self, request: web.Request) -> web.Response:
        """GET how much of an upload has arrived."""
        name, upload, content = self._upload(request)
        return self._accepted(name, upload, content.stat().st_size, 204)

    async def append(self, request: web.Request) -> web.Response:
        """PATCH the next bytes to an upload; with Content-Range they must begin where the last ones ended."""
        name, upload, content = self._upload(request)
        self._check_range(request, name, upload, content)
        await self._receive(request, content)
        return self._accepted(name, upload, content.stat().st_size, 202)

    async def finish(self, request: web.Request) -> web.Response:
        """PUT the last bytes (or none) and the digest that the whole must have."""
        name, upload, content = self._upload(request)
        digest = parse_digest(request.query.get("digest", ""))
        if request.content_length or request.headers.get("Transfer-Encoding"):
            self._check_range(request, name, upload, content)
            await self._receive(request, content)
        return await self._commit(name, upload, digest)

    async def cancel(self, request: web.Request) -> web.Response:
        """DELETE an upload."""
        _, upload, _ = self._upload(request)
        self._blobs.abandon(upload)
        return web.Response(status=204)

    def _upload(self, request: web.Request) -> tuple[str, str, Path]:
        name = self._authorization.repository(request, "push")
        upload = request.match_info["upload"]
        return name, upload, self._blobs.upload(name, upload)

    def _known(self, name: str, request: web.Request) -> str:
        digest = parse_digest(request.match_info["digest"])
        if not self._catalog.serves(name, digest):
            raise HarborError("BLOB_UNKNOWN", "blob unknown to registry", detail=digest)
        return digest

    def _mount(self, request: web.Request, name: str, digest: str) -> bool:
        """Link a blob of another repository that the asker may read; False means: upload it instead."""
        source = request.query.get("from", "")
        if not self._catalog.serves(source, digest):
            return False
        try:
            self._authorization.check(request, source, "pull")
        except HarborError:
            return False
        self._catalog.link(name, digest)
        return True

    def _check_range(self, request: web.Request, name: str, upload: str, content: Path) -> None:
        header = request.headers.get("Content-Range")
        if header is None:
            return
        received = content.stat().st_size
        match = CONTENT_RANGE.fullmatch(header.strip())
        first, last = (int(match[1]), int(match[2])) if match else (-1, -1)
        length = request.content_length
        if first != received or last < first or (length is not None and last - first + 1 != length):
            headers = dict(self._accepted(name, upload, received, 202).headers)
            headers = {key: headers[key] for key in ("Location", "Range", "Docker-Upload-UUID")}
            raise HarborError("RANGE_INVALID", f"invalid content range {header!r}", headers=headers)

    async def _receive(self, request: web.Request, content: Path) -> None:
        with content.open("ab") as file:
            async for chunk in request.content.iter_chunked(CHUNK):
                file.write(chunk)

    async def _commit(self, name: str, upload: str, digest: str) -> web.Response:
        await asyncio.to_thread(self._blobs.commit, name, upload, digest)
        self._catalog.link(name, digest)
        return self._created(name, digest)

    @staticmethod
    def _accepted(name: str, upload: str, received: int, status: int) -> web.Response:
        headers = {
            "Location": f"/v2/{name}/blobs/uploads/{upload}",
            "Range": f"0-{max(received - 1, 0)}",
            "Docker-Upload-UUID": upload,
        }
        return web.Response(status=status, headers=headers)

    @staticmethod
    def _created(name: str, digest: str) -> web.Response:
        headers = {"Location": f"/v2/{name}/blobs/{digest}", "Docker-Content-Digest": digest}
        return web.Response(status=201, headers=headers)
