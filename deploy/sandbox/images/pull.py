"""Bring an image from a registry onto the node: verified blobs and an unpacked root, shared by all clusters.

Flow: manifest by tag or digest (a bearer token is fetched where the registry asks for one) -> the linux manifest of an index ->
config and layers, each checked against its digest -> one folder an image config: `IMAGES/<digest>/root`, made aside and renamed.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import ipaddress
import json
import re
import shutil
import socket
import ssl
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from .reference import Reference
from .unpack import BadLayerError, unpack_layer

MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_TIMEOUT = aiohttp.ClientTimeout(total=300, connect=5, sock_read=60)
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


class PullError(Exception):
    """The image could not be brought here; the message is worded as containerd does."""


class ImageMissingError(PullError):
    """The registry has no such image."""


@dataclass(frozen=True)
class Credentials:
    """A user of a registry."""

    username: str
    password: str


@dataclass(frozen=True)
class Image:
    """An image on the node."""

    reference: Reference
    digest: str  # of the manifest that was asked for
    size: int
    config: dict[str, Any]
    root: Path

    @property
    def id(self) -> str:
        """Return what a pod's status shows as imageID."""
        return f"{self.reference.registry}/{self.reference.repository}@{self.digest}"


class Images:
    """The images of this machine's nodes, in `folder`."""

    def __init__(self, folder: Path, tls: ssl.SSLContext) -> None:
        self._folder = folder
        self._tls = tls
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._names = folder / "names"
        self._names.mkdir(parents=True, exist_ok=True)

    def find(self, reference: Reference) -> Image | None:
        """Return an image that was pulled before under this very name, or None."""
        try:
            known = json.loads(self._name_file(reference).read_text())
        except (OSError, ValueError):
            return None
        return self.load(reference, known["digest"], known["config"], known["size"])

    async def pull(self, reference: Reference, credentials: list[Credentials]) -> Image:
        """Bring the image here (only what is missing) and return it. Each of `credentials` is tried, then none.

        Raises:
            ImageMissingError: the registry has no such image.
            PullError: it is not reachable, refuses us, or its answer does not hash to what was asked for.
        """
        async with self.lock(reference.full):
            head = f'failed to pull and unpack image "{reference.full}"'
            await self._refuse_the_internet(reference, head)
            connector = aiohttp.TCPConnector(ssl=self._tls, limit=4)
            async with aiohttp.ClientSession(connector=connector, timeout=_TIMEOUT) as session:
                last: PullError | None = None
                for candidate in [*credentials, None]:
                    try:
                        return await _Pull(self, session, reference, candidate, head).run()
                    except _RefusedError as exc:
                        last = exc
                assert last is not None
                raise last

    async def _refuse_the_internet(self, reference: Reference, head: str) -> None:
        host, _, port = reference.registry.partition(":")
        url = f'Head "https://{reference.registry}/v2/{reference.repository}/manifests/{reference.wanted}"'
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, int(port or 443), type=socket.SOCK_STREAM)
        except OSError:
            found = []
        if not any(ipaddress.ip_address(entry[4][0].partition("%")[0]).is_loopback for entry in found):
            why = f"dial tcp: lookup {host}: no such host (the sandbox reaches registries on this machine only)"
            raise PullError(f"{head}: failed to resolve image: failed to do request: {url}: {why}")

    def lock(self, key: str) -> asyncio.Lock:
        """Return what keeps two tasks from making the same thing."""
        return self._locks[key]

    def load(self, reference: Reference, digest: str, config_digest: str, size: int) -> Image | None:
        """Return an unpacked image, or None where it is not here."""
        place = self.place(config_digest)
        try:
            config = json.loads((place / "config.json").read_text())
        except (OSError, ValueError):
            return None
        return Image(reference, digest, size, config, place / "root")

    def remember(self, reference: Reference, digest: str, config_digest: str, size: int) -> None:
        """Note which image a name stands for."""
        path = self._name_file(reference)
        partial = path.with_suffix(".new")
        partial.write_text(
            json.dumps({"name": reference.full, "digest": digest, "config": config_digest, "size": size})
        )
        partial.replace(path)

    def _name_file(self, reference: Reference) -> Path:
        return self._names / f"{hashlib.sha256(reference.full.encode()).hexdigest()}.json"

    def place(self, config_digest: str) -> Path:
        """Return the folder of an image."""
        return self._folder / config_digest.replace(":", "-")


class _RefusedError(PullError):
    """401 or 403: other credentials may do."""


class _Pull:
    """One pull with one set of credentials."""

    def __init__(
        self,
        images: Images,
        session: aiohttp.ClientSession,
        reference: Reference,
        credentials: Credentials | None,
        head: str,
    ) -> None:
        self._images, self._session, self._reference = images, session, reference
        self._credentials, self._head = credentials, head
        self._authorization: str | None = None
        self._base = f"https://{reference.registry}/v2/{reference.repository}"

    async def run(self) -> Image:
        digest, manifest = await self._manifest(self._reference.wanted)
        if "manifests" in manifest:
            chosen = next(
                (entry for entry in manifest["manifests"] if entry.get("platform", {}).get("os", "linux") == "linux"),
                None,
            )
            if chosen is None:
                raise PullError(f"{self._head}: no match for platform in manifest: not found")
            _, manifest = await self._manifest(chosen["digest"])
        config_digest = manifest["config"]["digest"]
        size = sum(layer["size"] for layer in manifest["layers"]) + manifest["config"]["size"]
        images = self._images
        async with images.lock(config_digest):
            if images.load(self._reference, digest, config_digest, size) is None:
                await self._fetch(manifest, images.place(config_digest))
        images.remember(self._reference, digest, config_digest, size)
        image = images.load(self._reference, digest, config_digest, size)
        if image is None:
            raise PullError(f"{self._head}: the unpacked image is gone")
        return image

    async def _fetch(self, manifest: dict[str, Any], place: Path) -> None:
        config_bytes = await self._blob(manifest["config"]["digest"])
        try:
            config = json.loads(config_bytes)
            diff_ids = config.get("rootfs", {}).get("diff_ids") or [None] * len(manifest["layers"])
        except ValueError as exc:
            raise PullError(f"{self._head}: invalid image config: {exc}") from exc
        shutil.rmtree(place, ignore_errors=True)
        work = Path(tempfile.mkdtemp(prefix="pull-", dir=place.parent))
        try:
            root = work / "root"
            root.mkdir(mode=0o755)
            for layer, diff_id in zip(manifest["layers"], diff_ids, strict=True):
                blob = work / "layer"
                blob.write_bytes(await self._blob(layer["digest"]))
                await asyncio.to_thread(unpack_layer, blob, root, diff_id)
                blob.unlink()
            (work / "config.json").write_text(json.dumps(config))
            work.chmod(0o755)
            work.rename(place)
        except (BadLayerError, ValueError) as exc:
            raise PullError(f"{self._head}: failed to extract layer: {exc}") from exc
        finally:
            shutil.rmtree(work, ignore_errors=True)

    async def _manifest(self, wanted: str) -> tuple[str, dict[str, Any]]:
        url = f"{self._base}/manifests/{wanted}"
        content = await self._get(url, accept=", ".join(MANIFESTS), missing=self._reference.full)
        digest = _digest(content)
        if wanted.startswith("sha256:") and digest != wanted:
            raise PullError(f"{self._head}: failed to verify manifest: {digest} is not {wanted}")
        try:
            manifest: dict[str, Any] = json.loads(content)
        except ValueError as exc:
            raise PullError(f"{self._head}: invalid manifest: {exc}") from exc
        return digest, manifest

    async def _blob(self, digest: str) -> bytes:
        content = await self._get(f"{self._base}/blobs/{digest}", accept="*/*", missing=digest)
        if _digest(content) != digest:
            raise PullError(
                f"{self._head}: failed commit on ref: unexpected commit digest {_digest(content)}, expected {digest}"
            )
        return content

    async def _get(self, url: str, *, accept: str, missing: str) -> bytes:
        for attempt in (1, 2):
            headers = {"Accept": accept} | ({"Authorization": self._authorization} if self._authorization else {})
            try:
                async with self._session.get(url, headers=headers) as response:
                    if response.status == 401 and attempt == 1:
                        await self._authorize(response.headers.get("WWW-Authenticate", ""))
                        continue
                    return await self._content(response, url, missing)
            except (aiohttp.ClientError, TimeoutError) as exc:
                raise PullError(
                    f"{self._resolve()}: failed to do request: {_request(url)}: {_network_words(exc)}"
                ) from exc
        raise _RefusedError(self._denied("no basic auth credentials"))

    async def _content(self, response: aiohttp.ClientResponse, url: str, missing: str) -> bytes:
        status = response.status
        if status == 200:
            return await response.read()
        if status == 404:
            raise ImageMissingError(f"rpc error: code = NotFound desc = {self._resolve()}: {missing}: not found")
        if status in (401, 403):
            body = (await response.text())[:300]
            why = "no basic auth credentials" if self._credentials is None else f"unexpected status: {status}: {body}"
            raise _RefusedError(self._denied(why))
        raise PullError(f"{self._resolve()}: unexpected status from GET request to {url}: {status} {response.reason}")

    async def _authorize(self, challenge: str) -> None:
        """Get the token that the registry asks for.

        https://distribution.github.io/distribution/spec/auth/token/
        """
        basic = None
        if self._credentials is not None:
            joined = f"{self._credentials.username}:{self._credentials.password}".encode()
            basic = f"Basic {base64.b64encode(joined).decode()}"
        kind, _, rest = challenge.partition(" ")
        if kind.lower() != "bearer":
            if basic is None:
                raise _RefusedError(self._denied("no basic auth credentials"))
            self._authorization = basic
            return
        fields = dict(_CHALLENGE.findall(rest))
        query = {"scope": fields.get("scope", f"repository:{self._reference.repository}:pull")}
        query |= {"service": fields["service"]} if "service" in fields else {}
        headers = {"Authorization": basic} if basic else {}
        async with self._session.get(fields.get("realm", ""), params=query, headers=headers) as response:
            if response.status != 200:
                why = f"failed to fetch oauth token: unexpected status: {response.status} {response.reason}"
                raise _RefusedError(self._denied(why))
            answer = await response.json(content_type=None)
        self._authorization = f"Bearer {answer.get('token') or answer.get('access_token')}"

    def _resolve(self) -> str:
        return f"{self._head}: failed to resolve image"

    def _denied(self, why: str) -> str:
        denied = "pull access denied, repository does not exist or may require authorization"
        return f"{self._resolve()}: {denied}: authorization failed: {why}"


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _request(url: str) -> str:
    return f'Head "{url}"'


def _network_words(exc: Exception) -> str:
    if isinstance(exc, aiohttp.ClientConnectorCertificateError):
        return "tls: failed to verify certificate: x509: certificate signed by unknown authority"
    if isinstance(exc, aiohttp.ClientConnectorError):
        why = "connection refused" if isinstance(exc.os_error, ConnectionRefusedError) else str(exc.os_error)
        return f"dial tcp {exc.host}:{exc.port}: connect: {why}"
    return str(exc) or type(exc).__name__
