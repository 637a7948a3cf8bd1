"""Write OCI images so that the same content always gives the same digest.

A layer is a gzip'd tar with sorted names, one fixed time and no owners but root; configs and manifests are JSON in one
canonical form. https://github.com/opencontainers/image-spec/blob/main/spec.md
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import stat
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
EPOCH = 315532800  # 1980-01-01: the first moment that zip files, and so wheels, can hold
EPOCH_TEXT = "1980-01-01T00:00:00Z"
WHITEOUT = ".wh."


def canonical(document: Any) -> bytes:
    """Return a document as JSON bytes that depend on its content only."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def digest_of(content: bytes) -> str:
    """Return the SHA-256 digest of `content` in OCI notation."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@dataclass(frozen=True, order=True)
class Entry:
    """One name in a layer: `path` without a leading slash, `content` bytes, a file to read, or None."""

    path: str
    mode: int
    kind: bytes = tarfile.REGTYPE
    content: bytes | Path | None = None
    link: str = ""

    @classmethod
    def folder(cls, path: str, mode: int = 0o755) -> Entry:
        """Return a folder."""
        return cls(path, mode, tarfile.DIRTYPE)

    @classmethod
    def file(cls, path: str, content: bytes | Path, mode: int = 0o644) -> Entry:
        """Return a file."""
        return cls(path, mode, tarfile.REGTYPE, content)

    @classmethod
    def symlink(cls, path: str, target: str) -> Entry:
        """Return a symbolic link."""
        return cls(path, 0o777, tarfile.SYMTYPE, None, target)

    @classmethod
    def whiteout(cls, path: str) -> Entry:
        """Return the mark that a lower layer's `path` is gone."""
        folder, slash, name = path.rpartition("/")
        return cls(f"{folder}{slash}{WHITEOUT}{name}", 0o644, tarfile.REGTYPE, b"")

    @classmethod
    def of(cls, path: str, place: Path) -> Entry | None:
        """Return the entry for a file, folder or link on disk; None for anything else (sockets, devices)."""
        status = place.lstat()
        mode = stat.S_IMODE(status.st_mode)
        if stat.S_ISLNK(status.st_mode):
            return cls.symlink(path, str(place.readlink()))
        if stat.S_ISDIR(status.st_mode):
            return cls.folder(path, mode)
        return cls.file(path, place, mode) if stat.S_ISREG(status.st_mode) else None


@dataclass(frozen=True)
class Descriptor:
    """A blob as manifests name it; `diff_id` is set for layers (the digest of the uncompressed tar)."""

    media_type: str
    digest: str
    size: int
    diff_id: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return what stands in a manifest."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": self.size}


class _Digesting(io.RawIOBase):
    """Passes bytes on to another file and counts and hashes them."""

    def __init__(self, target: IO[bytes]) -> None:
        self._target = target
        self.hash = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, chunk: Any) -> int:
        self.hash.update(chunk)
        self.size += len(chunk)
        self._target.write(chunk)
        return len(chunk)

    @property
    def digest(self) -> str:
        return f"sha256:{self.hash.hexdigest()}"


def write_layer(entries: Iterable[Entry], target: IO[bytes]) -> Descriptor:
    """Write a layer of `entries` to `target` and return its descriptor."""
    compressed = _Digesting(target)
    with gzip.GzipFile(filename="", mode="wb", fileobj=compressed, mtime=0, compresslevel=6) as packed:
        plain = _Digesting(packed)  # type: ignore[arg-type]
        with tarfile.open(fileobj=plain, mode="w|", format=tarfile.PAX_FORMAT) as archive:
            for entry in sorted(entries, key=lambda item: item.path):
                _add(archive, entry)
    return Descriptor(LAYER_TYPE, compressed.digest, compressed.size, plain.digest)


def layer_bytes(entries: Iterable[Entry]) -> tuple[Descriptor, bytes]:
    """Return a (small) layer as bytes, with its descriptor."""
    buffer = io.BytesIO()
    descriptor = write_layer(entries, buffer)
    return descriptor, buffer.getvalue()


def _add(archive: tarfile.TarFile, entry: Entry) -> None:
    member = tarfile.TarInfo(entry.path)
    member.type, member.mode, member.mtime, member.linkname = entry.kind, entry.mode, EPOCH, entry.link
    if isinstance(entry.content, Path):
        with entry.content.open("rb") as file:
            member.size = entry.content.stat().st_size
            archive.addfile(member, file)
    else:
        content = entry.content or b""
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))


def image_config(
    config: dict[str, Any], diff_ids: list[str], history: list[dict[str, Any]], created: str = EPOCH_TEXT
) -> dict[str, Any]:
    """Return an image configuration.

    https://github.com/opencontainers/image-spec/blob/main/config.md
    """
    return {
        "created": created,
        "architecture": "amd64",
        "os": "linux",
        "config": {key: value for key, value in config.items() if value not in (None, "", [], {})},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
        "history": history,
    }


def image_manifest(config: bytes, layers: list[Descriptor], annotations: dict[str, str] | None = None) -> bytes:
    """Return the manifest of an image as bytes."""
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": Descriptor(CONFIG_TYPE, digest_of(config), len(config)).as_json(),
        "layers": [layer.as_json() for layer in layers],
    }
    if annotations:
        document["annotations"] = annotations
    return canonical(document)
