"""Layers of earlier builds, found by what made them: the parent, the instruction, its variables and its files."""

from __future__ import annotations

import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

from deploy.sandbox.images.oci import Descriptor, Entry, canonical, write_layer

LARGEST_CACHE = 2 << 30
STALE_SECONDS = 14 * 24 * 3600


def chain(parent: str, *parts: Any) -> str:
    """Return the key of a step: its parent's key and everything that its result depends on."""
    return hashlib.sha256(canonical([parent, *parts])).hexdigest()


class LayerCache:
    """A folder of layers; one that is missing or damaged is simply not found."""

    def __init__(self, folder: Path | None, *, read: bool = True) -> None:
        self._folder = folder
        self._read = read
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def find(self, key: str) -> tuple[Descriptor, Path] | None:
        """Return a step's layer and mark it as used."""
        if self._folder is None or not self._read:
            return None
        record, layer = self._folder / f"{key}.json", self._folder / f"{key}.layer"
        try:
            descriptor = Descriptor(**json.loads(record.read_text()))
            with layer.open("rb") as file:
                if f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}" != descriptor.digest:
                    return None
            os.utime(record)
        except (OSError, ValueError, TypeError):
            return None
        return descriptor, layer

    def keep(self, key: str, entries: list[Entry]) -> None:
        """Remember a step's layer; the record comes last, so a half-written layer is never found."""
        if self._folder is None:
            return
        partial = self._folder / f"{key}.{os.getpid()}.new"
        with partial.open("wb") as file:
            descriptor = write_layer(entries, file)
        partial.replace(self._folder / f"{key}.layer")
        content = {name: getattr(descriptor, name) for name in ("media_type", "digest", "size", "diff_id")}
        partial.write_text(json.dumps(content))
        partial.replace(self._folder / f"{key}.json")

    def prune(self) -> None:
        """Forget layers that were not used for two weeks, and the oldest ones above the size limit."""
        if self._folder is None:
            return
        newest_first = sorted(self._folder.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
        total = 0
        for record in newest_first:
            layer = record.with_suffix(".layer")
            total += layer.stat().st_size if layer.exists() else 0
            if total > LARGEST_CACHE or time.time() - record.stat().st_mtime > STALE_SECONDS:
                record.unlink(missing_ok=True)
                layer.unlink(missing_ok=True)
