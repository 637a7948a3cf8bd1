"""What is in the registry: projects, repositories, artifacts, tags.

A repository comes into being with its first manifest and is named with its project (`demo/storefront`).
"""

from __future__ import annotations

import json
import re
import sqlite3
from dataclasses import dataclass
from typing import Any

from .blobs import Blobs, digest_of
from .database import NEVER, now
from .errors import HarborError

PROJECT_NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
REPOSITORY_NAME = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)+")
TAG_NAME = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
IMAGE_MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)


@dataclass(frozen=True)
class Manifest:
    """What the registry needs to know of a manifest it was given."""

    media_type: str
    config_media_type: str
    artifact_type: str
    subject: str | None
    blobs: tuple[str, ...]
    manifests: tuple[str, ...]
    size: int

    @classmethod
    def parse(cls, content: bytes, content_type: str) -> Manifest:
        """Read an image manifest or an index.

        Raises:
            HarborError: MANIFEST_INVALID with the reason.
        """
        try:
            document: dict[str, Any] = json.loads(content)
            media_type = document.get("mediaType") or content_type
            if document["schemaVersion"] != 2 or media_type not in (*IMAGE_MANIFESTS, *INDEXES):
                raise HarborError("MANIFEST_INVALID", f"unsupported manifest media type {media_type!r}")
            if content_type and content_type != media_type:
                raise HarborError("MANIFEST_INVALID", f"Content-Type {content_type!r} but mediaType {media_type!r}")
            descriptors = [] if media_type in INDEXES else [document["config"], *document["layers"]]
            children = document["manifests"] if media_type in INDEXES else []
            config_media_type = document.get("config", {}).get("mediaType", "")
            return cls(
                media_type=media_type,
                config_media_type=config_media_type or media_type,
                artifact_type=document.get("artifactType") or config_media_type,
                subject=(document.get("subject") or {}).get("digest"),
                blobs=tuple(str(item["digest"]) for item in descriptors),
                manifests=tuple(str(item["digest"]) for item in children),
                size=len(content) + sum(int(item["size"]) for item in [*descriptors, *children]),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            raise HarborError("MANIFEST_INVALID", f"manifest invalid: {exc!r}") from exc


class Catalog:
    """Queries and changes of the catalog. Rows are `sqlite3.Row`s with the columns of `database.SCHEMA`."""

    def __init__(self, database: sqlite3.Connection, blobs: Blobs) -> None:
        self.database = database
        self.blobs = blobs

    def one(self, sql: str, *arguments: Any) -> sqlite3.Row | None:
        """Return the first row of a query."""
        row: sqlite3.Row | None = self.database.execute(sql, arguments).fetchone()
        return row

    def all(self, sql: str, *arguments: Any) -> list[sqlite3.Row]:
        """Return all rows of a query."""
        return self.database.execute(sql, arguments).fetchall()

    # -- projects ------------------------------------------------------------------------------------------------

    def find_project(self, name: str) -> sqlite3.Row | None:
        """Return the project of that name."""
        return self.one("SELECT * FROM project WHERE name = ?", name)

    def create_project(self, name: str, *, public: bool) -> sqlite3.Row:
        """Create a project.

        Raises:
            HarborError: BAD_REQUEST for a bad name, CONFLICT where it exists.
        """
        if not PROJECT_NAME.fullmatch(name) or len(name) > 255:
            raise HarborError("BAD_REQUEST", f"invalid project name: {name!r}")
        if self.find_project(name) is not None:
            raise HarborError("CONFLICT", f"The project named {name} already exists")
        moment = now()
        self.database.execute(
            "INSERT INTO project (name, public, created, updated) VALUES (?, ?, ?, ?)", (name, public, moment, moment)
        )
        project = self.find_project(name)
        assert project is not None
        return project

    # -- repositories --------------------------------------------------------------------------------------------

    def find_repository(self, name: str) -> sqlite3.Row | None:
        """Return the repository of that full name."""
        return self.one("SELECT * FROM repository WHERE name = ?", name)

    def delete_repository(self, repository: sqlite3.Row) -> None:
        """Remove a repository with all its artifacts and tags."""
        self.database.execute("DELETE FROM repository WHERE id = ?", (repository["id"],))
        self.database.execute("DELETE FROM linked_blob WHERE repository = ?", (repository["name"],))

    def link(self, repository: str, digest: str) -> None:
        """Let a repository serve a blob."""
        self.database.execute("INSERT OR IGNORE INTO linked_blob VALUES (?, ?)", (repository, digest))

    def unlink(self, repository: str, digest: str) -> bool:
        """Stop serving a blob from a repository; False where it was not."""
        sql = "DELETE FROM linked_blob WHERE repository = ? AND digest = ?"
        return self.database.execute(sql, (repository, digest)).rowcount > 0

    def serves(self, repository: str, digest: str) -> bool:
        """Return whether the repository has that blob."""
        row = self.one("SELECT 1 FROM linked_blob WHERE repository = ? AND digest = ?", repository, digest)
        return row is not None and self.blobs.has(digest)

    # -- artifacts -----------------------------------------------------------------------------------------------

    def find_artifact(self, repository: str, reference: str) -> sqlite3.Row | None:
        """Return an artifact by tag or digest."""
        sql = "SELECT a.* FROM artifact a JOIN repository r ON r.id = a.repository_id WHERE r.name = ?"
        if ":" in reference:
            return self.one(sql + " AND a.digest = ?", repository, reference)
        by_tag = " AND a.id = (SELECT artifact_id FROM tag WHERE repository_id = r.id AND name = ?)"
        return self.one(sql + by_tag, repository, reference)

    def put_manifest(self, repository: str, reference: str, content: bytes, content_type: str) -> tuple[str, Manifest]:
        """Store a manifest under a digest or tag and return its digest.

        Raises:
            HarborError: MANIFEST_INVALID, MANIFEST_BLOB_UNKNOWN, DIGEST_INVALID, TAG_INVALID.
        """
        digest = digest_of(content)
        tag = None if ":" in reference else reference
        if tag is not None and not TAG_NAME.fullmatch(tag):
            raise HarborError("TAG_INVALID", f"manifest tag did not match URI: {tag!r}")
        if tag is None and reference != digest:
            raise HarborError("DIGEST_INVALID", "provided digest did not match uploaded content")
        manifest = Manifest.parse(content, content_type)
        missing = [blob for blob in manifest.blobs if not self.serves(repository, blob)]
        missing += [child for child in manifest.manifests if self.find_artifact(repository, child) is None]
        if missing:
            raise HarborError(
                "MANIFEST_BLOB_UNKNOWN",
                f"manifest references a manifest or blob unknown to registry: {missing[0]}",
                detail={"digests": missing},
            )
        self.blobs.add(content)
        self._record(repository, digest, manifest, tag)
        return digest, manifest

    def find_digest(self, repository: str, reference: str) -> str | None:
        """Return the digest of the manifest that a tag names."""
        artifact = self.find_artifact(repository, reference)
        return artifact["digest"] if artifact is not None else None

    def push(self, repository: str, reference: str, blobs: list[bytes], manifest: bytes) -> str:
        """Store a whole OCI image from inside the sandbox and return its digest."""
        for blob in blobs:
            self.link(repository, self.blobs.add(blob))
        digest, _ = self.put_manifest(repository, reference, manifest, IMAGE_MANIFESTS[0])
        return digest

    def _record(self, repository: str, digest: str, manifest: Manifest, tag: str | None) -> None:
        moment = now()
        project, database = repository.partition("/")[0], self.database
        with database:
            database.execute("BEGIN IMMEDIATE")
            database.execute(
                "INSERT OR IGNORE INTO repository (project_id, name, created, updated) "
                "SELECT id, ?, ?, ? FROM project WHERE name = ?",
                (repository, moment, moment, project),
            )
            database.execute("UPDATE repository SET updated = ? WHERE name = ?", (moment, repository))
            database.execute(
                "INSERT INTO artifact (repository_id, digest, media_type, config_media_type, artifact_type, subject, "
                "size, pushed, pulled) SELECT id, ?, ?, ?, ?, ?, ?, ?, ? FROM repository WHERE name = ? "
                "ON CONFLICT DO UPDATE SET pushed = excluded.pushed",
                (digest, manifest.media_type, manifest.config_media_type, manifest.artifact_type, manifest.subject,
                 manifest.size, moment, NEVER, repository),
            )  # fmt: skip
        if tag is not None:
            artifact = self.find_artifact(repository, digest)
            assert artifact is not None
            self.set_tag(artifact, tag)

    def record_pull(self, artifact: sqlite3.Row, reference: str) -> None:
        """Count a pull and remember its time on the artifact and, if pulled by tag, on the tag."""
        moment = now()
        self.database.execute("UPDATE artifact SET pulled = ? WHERE id = ?", (moment, artifact["id"]))
        sql = "UPDATE repository SET pulls = pulls + 1 WHERE id = ?"
        self.database.execute(sql, (artifact["repository_id"],))
        sql = "UPDATE tag SET pulled = ? WHERE repository_id = ? AND name = ?"
        self.database.execute(sql, (moment, artifact["repository_id"], reference))

    def delete_artifact(self, artifact: sqlite3.Row) -> None:
        """Remove an artifact and its tags. Blobs stay: others may share them."""
        self.database.execute("DELETE FROM artifact WHERE id = ?", (artifact["id"],))

    # -- tags ----------------------------------------------------------------------------------------------------

    def tags(self, repository: str) -> list[str]:
        """Return the names of all tags of a repository in lexical order."""
        sql = "SELECT t.name FROM tag t JOIN repository r ON r.id = t.repository_id WHERE r.name = ? ORDER BY t.name"
        return [row["name"] for row in self.all(sql, repository)]

    def set_tag(self, artifact: sqlite3.Row, name: str) -> None:
        """Point a tag at an artifact, moving it from another one where needed."""
        moment = now()
        self.database.execute(
            "INSERT INTO tag (repository_id, artifact_id, name, pushed, pulled) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (repository_id, name) DO UPDATE SET artifact_id = excluded.artifact_id, "
            "pushed = excluded.pushed",
            (artifact["repository_id"], artifact["id"], name, moment, NEVER),
        )

    def delete_tag(self, artifact: sqlite3.Row, name: str) -> bool:
        """Remove a tag of an artifact; False where it has no such tag."""
        sql = "DELETE FROM tag WHERE artifact_id = ? AND name = ?"
        return self.database.execute(sql, (artifact["id"], name)).rowcount > 0
