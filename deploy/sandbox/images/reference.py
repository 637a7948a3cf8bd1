"""The name of an image: registry, repository, tag and digest.

https://pkg.go.dev/github.com/distribution/reference
"""

from __future__ import annotations

import re
from dataclasses import dataclass

DEFAULT_REGISTRY = "docker.io"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_PART}(?:/{_PART})*")
_HOST = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*(?::[0-9]+)?"
)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:[a-f0-9]{64}")


class InvalidReferenceError(ValueError):
    """No name of an image; the message is worded as container runtimes do."""


@dataclass(frozen=True)
class Reference:
    """A parsed name. `tag` is `latest` where neither tag nor digest was given."""

    registry: str
    repository: str
    tag: str | None
    digest: str | None

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Return the reference written as `text`.

        Raises:
            InvalidReferenceError: it is not one.
        """
        name, _, digest = text.partition("@")
        if "@" in text and not _DIGEST.fullmatch(digest):
            raise InvalidReferenceError("invalid reference format")
        head, slash, rest = name.partition("/")
        is_host = bool(slash) and (("." in head) or (":" in head) or head == "localhost")
        registry, path = (head, rest) if is_host else (DEFAULT_REGISTRY, name)
        last = path.rsplit("/", 1)[-1]
        tag: str | None = None
        if ":" in last:
            path, _, tag = path.rpartition(":")
        repository = path if registry != DEFAULT_REGISTRY or "/" in path else f"library/{path}"
        if repository.lower() != repository and _REPOSITORY.fullmatch(repository.lower().replace(" ", "")):
            shown = repository.partition(":")[0]
            raise InvalidReferenceError(f"invalid reference format: repository name ({shown}) must be lowercase")
        if not _REPOSITORY.fullmatch(repository) or not _HOST.fullmatch(registry):
            shown = repository.partition(":")[0]
            if shown.lower() != shown:
                raise InvalidReferenceError(f"invalid reference format: repository name ({shown}) must be lowercase")
            raise InvalidReferenceError("invalid reference format")
        if tag is not None and not _TAG.fullmatch(tag):
            raise InvalidReferenceError("invalid reference format")
        return cls(registry, repository, tag if tag or digest else "latest", digest or None)

    @property
    def wanted(self) -> str:
        """Return what to ask the registry for: the digest where there is one, else the tag."""
        return self.digest or self.tag or "latest"

    @property
    def full(self) -> str:
        """Return the name with registry and tag or digest, as a runtime shows it."""
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.registry}/{self.repository}{tag}{digest}"
