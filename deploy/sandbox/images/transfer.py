"""Move image blobs and manifests between a registry and this machine, for the builder.

A node pulls with `pull.py`, which unpacks at once; a builder needs the blobs as they are and pushes as well.
https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""

from __future__ import annotations

import base64
import json
import re
import ssl
from pathlib import Path
from typing import Any, Self
from urllib.parse import urljoin

import httpx2

from .oci import MANIFEST_TYPE, Descriptor, digest_of

ACCEPTED = f"{MANIFEST_TYPE}, application/vnd.docker.distribution.manifest.v2+json"
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_TIMEOUT = httpx2.Timeout(300, connect=5)


class TransferError(Exception):
    """The registry could not be reached, refused, or sent something else than was asked for."""


def credentials_for(registry: str, auth_file: Path | None) -> tuple[str, str] | None:
    """Return the user and password that a docker or buildah login file holds for a registry.

    https://github.com/containers/image/blob/main/docs/containers-auth.json.5.md

    Raises:
        TransferError: the file is there and cannot be read.
    """
    if auth_file is None or not auth_file.exists():
        return None
    try:
        entry = json.loads(auth_file.read_text()).get("auths", {}).get(registry, {})
        if "auth" not in entry:
            return None
        username, _, password = base64.b64decode(entry["auth"]).decode().partition(":")
    except (ValueError, AttributeError) as exc:
        raise TransferError(f"login file {auth_file}: {exc}") from exc
    return username, password


class Remote:
    """One repository of one registry."""

    def __init__(
        self, registry: str, repository: str, tls: ssl.SSLContext, credentials: tuple[str, str] | None
    ) -> None:
        self.registry = registry
        self.repository = repository
        self._credentials = credentials
        self._client = httpx2.Client(verify=tls, timeout=_TIMEOUT, trust_env=False)
        self._base = f"https://{registry}/v2/{repository}"
        self._token: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def manifest(self, reference: str) -> tuple[str, bytes]:
        """Return digest and bytes of a manifest.

        Raises:
            TransferError: missing, refused, or not what its digest says.
        """
        answer = self._call("GET", f"{self._base}/manifests/{reference}", headers={"Accept": ACCEPTED})
        self._expect(answer, 200, f"manifest {reference}")
        digest = digest_of(answer.content)
        if reference.startswith("sha256:") and digest != reference:
            raise TransferError(f"{self._name}@{reference}: the registry sent {digest}")
        return digest, answer.content

    def blob(self, digest: str) -> bytes:
        """Return a blob, verified.

        Raises:
            TransferError: missing, refused, or not what its digest says.
        """
        answer = self._call("GET", f"{self._base}/blobs/{digest}")
        self._expect(answer, 200, f"blob {digest}")
        if digest_of(answer.content) != digest:
            raise TransferError(f"{self._name}: blob {digest} arrived as {digest_of(answer.content)}")
        return answer.content

    def has_blob(self, digest: str) -> bool:
        """Return whether the repository has a blob already."""
        return self._call("HEAD", f"{self._base}/blobs/{digest}").status_code == httpx2.codes.OK

    def push_blob(self, blob: Descriptor, content: Path, source: str | None) -> str:
        """Bring a blob into the repository and return how: "exists", "mounted" (from repository `source`), "pushed".

        Raises:
            TransferError: refused, or the registry got something else.
        """
        if self.has_blob(blob.digest):
            return "exists"
        query = {"mount": blob.digest, "from": source} if source else {}
        begun = self._call("POST", f"{self._base}/blobs/uploads/", params=query)
        if begun.status_code == httpx2.codes.CREATED:
            return "mounted"
        self._expect(begun, 202, "upload")
        location = httpx2.URL(urljoin(str(begun.url), begun.headers["Location"])).copy_merge_params(
            {"digest": blob.digest}
        )
        done = self._call("PUT", str(location), content=content.read_bytes())
        self._expect(done, 201, f"blob {blob.digest}")
        return "pushed"

    def push_manifest(self, reference: str, manifest: bytes) -> str:
        """Store a manifest under a tag and return the digest that the registry gave it.

        Raises:
            TransferError: refused, or the registry computed another digest than we did.
        """
        headers = {"Content-Type": json.loads(manifest).get("mediaType", MANIFEST_TYPE)}
        answer = self._call("PUT", f"{self._base}/manifests/{reference}", content=manifest, headers=headers)
        self._expect(answer, 201, f"manifest {reference}")
        digest = digest_of(manifest)
        if answer.headers.get("Docker-Content-Digest", digest) != digest:
            raise TransferError(f"{self._name}: pushed {digest}, stored {answer.headers['Docker-Content-Digest']}")
        return digest

    @property
    def _name(self) -> str:
        return f"{self.registry}/{self.repository}"

    def _call(self, method: str, url: str, **arguments: Any) -> httpx2.Response:
        headers = dict(arguments.pop("headers", {}))
        try:
            answer = self._send(method, url, headers, arguments)
            if answer.status_code == httpx2.codes.UNAUTHORIZED and self._authorize(answer):
                answer = self._send(method, url, headers, arguments)
        except httpx2.HTTPError as exc:
            raise TransferError(f"{self._name}: {method} {url}: {exc or type(exc).__name__}") from exc
        return answer

    def _send(self, method: str, url: str, headers: dict[str, str], arguments: dict[str, Any]) -> httpx2.Response:
        if self._token is not None:
            headers["Authorization"] = self._token
        return self._client.request(method, url, headers=headers, **arguments)

    def _authorize(self, refused: httpx2.Response) -> bool:
        """Get the token that a refusal asks for.

        https://distribution.github.io/distribution/spec/auth/token/
        """
        kind, _, rest = refused.headers.get("WWW-Authenticate", "").partition(" ")
        if kind.lower() == "basic" and self._credentials is not None:
            joined = ":".join(self._credentials).encode()
            self._token = f"Basic {base64.b64encode(joined).decode()}"
            return True
        fields = dict(_CHALLENGE.findall(rest))
        if kind.lower() != "bearer" or "realm" not in fields:
            return False
        query = [("service", fields.get("service", ""))]
        query += [("scope", scope) for scope in fields.get("scope", "").split()]
        answer = self._client.get(fields["realm"], params=query, auth=self._credentials)
        if answer.status_code != httpx2.codes.OK:
            raise TransferError(
                f"{self._name}: the registry refuses the login: {answer.status_code} {_message(answer)}"
            )
        body = answer.json()
        self._token = f"Bearer {body.get('token') or body['access_token']}"
        return True

    def _expect(self, answer: httpx2.Response, status: int, what: str) -> None:
        if answer.status_code != status:
            raise TransferError(f"{self._name}: {what}: {answer.status_code} {_message(answer)}")


def _message(answer: httpx2.Response) -> str:
    try:
        error = answer.json()["errors"][0]
    except (ValueError, LookupError, TypeError):
        return answer.reason_phrase
    return f"{error.get('code')}: {error.get('message')}"
