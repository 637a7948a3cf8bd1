"""Rows as the JSON objects of Harbor's API."""

from __future__ import annotations

import json
import sqlite3
from typing import Any
from urllib.parse import quote

from deploy.sandbox.harbor.access import ADMIN
from deploy.sandbox.harbor.catalog import INDEXES, Catalog
from deploy.sandbox.harbor.database import NEVER
from deploy.sandbox.harbor.scanner import Scanner

PROJECT_ADMIN_ROLE = 1


def project(catalog: Catalog, row: sqlite3.Row) -> dict[str, Any]:
    """Return a project."""
    count = catalog.one("SELECT count(*) AS n FROM repository WHERE project_id = ?", row["id"])
    assert count is not None
    allowlist = {"id": row["id"], "project_id": row["id"], "items": [], "creation_time": NEVER, "update_time": NEVER}
    return {
        "project_id": row["id"], "name": row["name"], "owner_id": 1, "owner_name": ADMIN, "deleted": False,
        "creation_time": row["created"], "update_time": row["updated"], "repo_count": count["n"],
        "current_user_role_id": PROJECT_ADMIN_ROLE, "current_user_role_ids": [PROJECT_ADMIN_ROLE],
        "cve_allowlist": allowlist, "metadata": {"public": str(bool(row["public"])).lower()},
    }  # fmt: skip


def repository(catalog: Catalog, row: sqlite3.Row) -> dict[str, Any]:
    """Return a repository."""
    count = catalog.one("SELECT count(*) AS n FROM artifact WHERE repository_id = ?", row["id"])
    assert count is not None
    return {
        "id": row["id"], "project_id": row["project_id"], "name": row["name"], "description": row["description"],
        "artifact_count": count["n"], "pull_count": row["pulls"],
        "creation_time": row["created"], "update_time": row["updated"],
    }  # fmt: skip


def tag(row: sqlite3.Row) -> dict[str, Any]:
    """Return a tag."""
    return {
        "id": row["id"], "repository_id": row["repository_id"], "artifact_id": row["artifact_id"],
        "name": row["name"], "push_time": row["pushed"], "pull_time": row["pulled"], "immutable": False,
    }  # fmt: skip


def label(row: sqlite3.Row) -> dict[str, Any]:
    """Return a label."""
    return {
        "id": row["id"], "name": row["name"], "description": row["description"], "color": row["color"],
        "scope": "p" if row["project_id"] else "g", "project_id": row["project_id"] or 0,
        "creation_time": row["created"], "update_time": row["created"],
    }  # fmt: skip


def artifact(
    catalog: Catalog,
    scanner: Scanner,
    where: sqlite3.Row,
    row: sqlite3.Row,
    *,
    with_tag: bool,
    with_label: bool,
    with_scan: bool,
) -> dict[str, Any]:
    """Return an artifact of the repository `where`, with the parts that were asked for."""
    manifest = json.loads(catalog.blobs.read(row["digest"]))
    name = where["name"].partition("/")[2]
    base = f"/api/v2.0/projects/{where['name'].partition('/')[0]}/repositories/{quote(quote(name, safe=''))}"
    additions = ("vulnerabilities",) if row["media_type"] in INDEXES else ("build_history", "vulnerabilities")
    links = {
        kind: {"absolute": False, "href": f"{base}/artifacts/{row['digest']}/additions/{kind}"} for kind in additions
    }
    rendered = {
        "id": row["id"], "type": "IMAGE", "media_type": row["config_media_type"],
        "manifest_media_type": row["media_type"], "artifact_type": row["artifact_type"],
        "project_id": where["project_id"], "repository_id": where["id"], "repository_name": where["name"],
        "digest": row["digest"], "size": row["size"], "icon": "", "push_time": row["pushed"],
        "pull_time": row["pulled"], "annotations": manifest.get("annotations"), "addition_links": links,
        "extra_attrs": _extra_attributes(catalog, manifest), "references": _references(row, manifest),
        "labels": None, "tags": None,
    }  # fmt: skip
    if with_tag:
        rendered["tags"] = [tag(item) for item in tags_of(catalog, row)] or None
    if with_label:
        rendered["labels"] = [label(item) for item in labels_of(catalog, row)] or None
    if with_scan:
        rendered["scan_overview"] = scanner.overview(row)
    return rendered


def tags_of(catalog: Catalog, row: sqlite3.Row) -> list[sqlite3.Row]:
    """Return the rows of an artifact's tags, newest first."""
    return catalog.all("SELECT * FROM tag WHERE artifact_id = ? ORDER BY pushed DESC, name", row["id"])


def labels_of(catalog: Catalog, row: sqlite3.Row) -> list[sqlite3.Row]:
    """Return the rows of an artifact's labels."""
    sql = "SELECT l.* FROM label l JOIN artifact_label a ON a.label_id = l.id WHERE a.artifact_id = ? ORDER BY l.name"
    return catalog.all(sql, row["id"])


def configuration(catalog: Catalog, manifest: dict[str, Any]) -> dict[str, Any]:
    """Return the image configuration of a manifest, empty where it is an index or no JSON."""
    try:
        document = json.loads(catalog.blobs.read(manifest["config"]["digest"]))
    except (KeyError, ValueError, OSError):
        return {}
    return document if isinstance(document, dict) else {}


def _extra_attributes(catalog: Catalog, manifest: dict[str, Any]) -> dict[str, Any]:
    document = configuration(catalog, manifest)
    return {key: document[key] for key in ("architecture", "author", "config", "created", "os") if key in document}


def _references(row: sqlite3.Row, manifest: dict[str, Any]) -> list[dict[str, Any]] | None:
    if row["media_type"] not in INDEXES:
        return None
    return [
        {"parent_id": row["id"], "child_digest": child["digest"], "platform": child.get("platform"), "urls": None}
        for child in manifest["manifests"]
    ]
