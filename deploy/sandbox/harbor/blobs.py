"""Blobs as files named by their SHA-256, and the uploads that become blobs.

A blob appears by one rename after its digest was verified, so a killed process leaves whole blobs or none.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import time
import uuid
from pathlib import Path

from .errors import HarborError

DIGEST = re.compile(r"sha256:[a-f0-9]{64}")
UPLOADS_KEPT_SECONDS = 24 * 3600


def digest_of(content: bytes) -> str:
    """Return the digest of `content` in the registry's notation."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def parse_digest(text: str) -> str:
    """Return `text` if it is a SHA-256 digest.

    Raises:
        HarborError: DIGEST_INVALID.
    """
    if not DIGEST.fullmatch(text):
        raise HarborError("DIGEST_INVALID", f"invalid digest {text!r}: a sha256 digest is expected")
    return text


class Blobs:
    """All blobs of one registry, shared by its repositories (who may see which is the catalog's matter)."""

    def __init__(self, folder: Path) -> None:
        self._blobs = folder / "blobs" / "sha256"
        self._uploads = folder / "uploads"
        self._blobs.mkdir(parents=True, exist_ok=True)
        self._uploads.mkdir(parents=True, exist_ok=True)

    def path(self, digest: str) -> Path:
        """Return where the blob of that digest is, or would be."""
        value = parse_digest(digest).removeprefix("sha256:")
        return self._blobs / value[:2] / value

    def has(self, digest: str) -> bool:
        """Return whether the blob exists."""
        return self.path(digest).is_file()

    def size(self, digest: str) -> int:
        """Return the size of a blob in bytes, 0 where it is gone."""
        path = self.path(digest)
        return path.stat().st_size if path.is_file() else 0

    def read(self, digest: str) -> bytes:
        """Return the content of a (small) blob."""
        return self.path(digest).read_bytes()

    def add(self, content: bytes) -> str:
        """Store `content` and return its digest."""
        digest = digest_of(content)
        if not self.has(digest):
            partial = self._uploads / f"{uuid.uuid4()}.part"
            partial.write_bytes(content)
            self._place(partial, digest)
        return digest

    def begin_upload(self, repository: str) -> str:
        """Return the id of a new, empty upload into a repository."""
        upload = str(uuid.uuid4())
        folder = self._uploads / upload
        folder.mkdir()
        (folder / "repository").write_text(repository)
        (folder / "content").touch()
        return upload

    def upload(self, repository: str, upload: str) -> Path:
        """Return the file of an upload in progress.

        Raises:
            HarborError: BLOB_UPLOAD_UNKNOWN, also for the upload of another repository.
        """
        folder = self._uploads / upload
        try:
            known = str(uuid.UUID(upload)) == upload and (folder / "repository").read_text() == repository
        except (ValueError, OSError):
            known = False
        if not known:
            raise HarborError("BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
        return folder / "content"

    def commit(self, repository: str, upload: str, digest: str) -> None:
        """Turn an upload into the blob `digest`; the upload is over in any case.

        Raises:
            HarborError: DIGEST_INVALID where the content has another digest.
        """
        content = self.upload(repository, upload)
        try:
            with content.open("rb") as file:
                actual = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
            if actual != digest:
                message = "provided digest did not match uploaded content"
                raise HarborError("DIGEST_INVALID", message, detail={"digest": digest, "actual": actual})
            self._place(content, digest)
        finally:
            self.abandon(upload)

    def abandon(self, upload: str) -> None:
        """Forget an upload."""
        shutil.rmtree(self._uploads / upload, ignore_errors=True)

    def forget_old_uploads(self) -> None:
        """Remove what interrupted clients left behind a day ago or earlier."""
        for entry in self._uploads.iterdir():
            if time.time() - entry.stat().st_mtime > UPLOADS_KEPT_SECONDS:
                shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    def _place(self, partial: Path, digest: str) -> None:
        path = self.path(digest)
        path.parent.mkdir(exist_ok=True)
        partial.replace(path)
