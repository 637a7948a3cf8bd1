"""The builder's images on this machine: blobs by digest, and names that point at manifests."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .oci import CONFIG_TYPE, Descriptor, Entry, digest_of, write_layer

UNUSED_SECONDS = 14 * 24 * 3600
YOUNG_SECONDS = 24 * 3600


@dataclass(frozen=True)
class StoredImage:
    """An image in the storage. `origins` says which repository (`host/name`) a layer was pulled from."""

    name: str
    digest: str
    manifest: bytes
    config: dict[str, Any]
    layers: list[Descriptor]
    config_descriptor: Descriptor
    origins: dict[str, str] = field(default_factory=dict)


class Storage:
    """All images of one builder, in `root`. Files appear by rename, so builders may share it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._blobs = root / "blobs" / "sha256"
        self._names = root / "names"
        self.work = root / "work"
        for folder in (self._blobs, self._names, self.work):
            folder.mkdir(parents=True, exist_ok=True)

    def path(self, digest: str) -> Path:
        """Return where a blob is, or would be."""
        return self._blobs / digest.removeprefix("sha256:")

    def add(self, content: bytes) -> str:
        """Store bytes and return their digest."""
        digest = digest_of(content)
        if not self.path(digest).exists():
            self._write(self.path(digest), content)
        return digest

    def add_layer(self, entries: Iterable[Entry]) -> Descriptor:
        """Write a layer and return its descriptor."""
        handle, name = tempfile.mkstemp(dir=self.work, prefix="layer-")
        with os.fdopen(handle, "wb") as file:
            descriptor = write_layer(entries, file)
        Path(name).replace(self.path(descriptor.digest))
        return descriptor

    def remember(self, name: str, manifest: bytes, origins: dict[str, str]) -> StoredImage:
        """Let `name` stand for a manifest whose blobs are here, and return the image."""
        digest = self.add(manifest)
        record = {"name": name, "manifest": digest, "origins": origins}
        self._write(self._name_file(name), json.dumps(record).encode())
        found = self.find(name)
        assert found is not None
        return found

    def find(self, name: str) -> StoredImage | None:
        """Return the image of that name, or None where it or one of its blobs is missing."""
        image = self._load(name)
        if image is not None:
            os.utime(self._name_file(name))  # so that prune() knows it is in use
        return image

    def _load(self, name: str) -> StoredImage | None:
        try:
            record = json.loads(self._name_file(name).read_text())
            manifest = self.path(record["manifest"]).read_bytes()
            document = json.loads(manifest)
            config = json.loads(self.path(document["config"]["digest"]).read_bytes())
        except (OSError, ValueError):
            return None
        diff_ids = config["rootfs"]["diff_ids"]
        layers = [
            Descriptor(layer["mediaType"], layer["digest"], layer["size"], diff_id)
            for layer, diff_id in zip(document["layers"], diff_ids, strict=True)
        ]
        if not all(self.path(layer.digest).exists() for layer in layers):
            return None
        described = Descriptor(CONFIG_TYPE, document["config"]["digest"], document["config"]["size"])
        return StoredImage(name, record["manifest"], manifest, config, layers, described, record["origins"])

    def prune(self) -> None:
        """Forget names that nobody used for two weeks, blobs that no name needs, and what killed builds left behind.

        Nothing younger than a day is touched: another build may be about to use it.
        """
        now = time.time()
        needed: set[str] = set()
        for file in self._names.iterdir():
            if now - file.stat().st_mtime > UNUSED_SECONDS:
                file.unlink(missing_ok=True)
                continue
            record = json.loads(file.read_text())
            image = self._load(record["name"])
            if image is not None:
                blobs = [image.digest, image.config_descriptor.digest, *(layer.digest for layer in image.layers)]
                needed.update(self.path(blob).name for blob in blobs)
        for blob in self._blobs.iterdir():
            if blob.name not in needed and now - blob.stat().st_mtime > YOUNG_SECONDS:
                blob.unlink(missing_ok=True)
        for entry in self.work.iterdir():
            if now - entry.stat().st_mtime > YOUNG_SECONDS:
                shutil.rmtree(entry, ignore_errors=True) if entry.is_dir() else entry.unlink(missing_ok=True)

    def _name_file(self, name: str) -> Path:
        return self._names / f"{hashlib.sha256(name.encode()).hexdigest()}.json"

    def _write(self, path: Path, content: bytes) -> None:
        handle, name = tempfile.mkstemp(dir=self.work)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
