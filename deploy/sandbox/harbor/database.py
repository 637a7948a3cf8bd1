"""The tables behind the registry. One connection, used from the event loop only; writes are short."""

from __future__ import annotations

import datetime as dt
import sqlite3
from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS project (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, public INTEGER NOT NULL,
    created TEXT NOT NULL, updated TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS repository (
    id INTEGER PRIMARY KEY AUTOINCREMENT, project_id INTEGER NOT NULL REFERENCES project ON DELETE CASCADE,
    name TEXT NOT NULL UNIQUE, description TEXT NOT NULL DEFAULT '', pulls INTEGER NOT NULL DEFAULT 0,
    created TEXT NOT NULL, updated TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS artifact (
    id INTEGER PRIMARY KEY AUTOINCREMENT, repository_id INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE,
    digest TEXT NOT NULL, media_type TEXT NOT NULL, config_media_type TEXT NOT NULL, artifact_type TEXT NOT NULL,
    subject TEXT, size INTEGER NOT NULL, pushed TEXT NOT NULL, pulled TEXT NOT NULL, UNIQUE (repository_id, digest));
CREATE TABLE IF NOT EXISTS tag (
    id INTEGER PRIMARY KEY AUTOINCREMENT, repository_id INTEGER NOT NULL REFERENCES repository ON DELETE CASCADE,
    artifact_id INTEGER NOT NULL REFERENCES artifact ON DELETE CASCADE, name TEXT NOT NULL,
    pushed TEXT NOT NULL, pulled TEXT NOT NULL, UNIQUE (repository_id, name));
CREATE TABLE IF NOT EXISTS linked_blob (
    repository TEXT NOT NULL, digest TEXT NOT NULL, PRIMARY KEY (repository, digest)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS label (
    id INTEGER PRIMARY KEY AUTOINCREMENT, project_id INTEGER REFERENCES project ON DELETE CASCADE,
    name TEXT NOT NULL, description TEXT NOT NULL, color TEXT NOT NULL, created TEXT NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS label_name ON label (coalesce(project_id, 0), name);
CREATE TABLE IF NOT EXISTS artifact_label (
    artifact_id INTEGER NOT NULL REFERENCES artifact ON DELETE CASCADE,
    label_id INTEGER NOT NULL REFERENCES label ON DELETE CASCADE, PRIMARY KEY (artifact_id, label_id));
CREATE TABLE IF NOT EXISTS scan (
    artifact_id INTEGER PRIMARY KEY REFERENCES artifact ON DELETE CASCADE, report TEXT NOT NULL,
    status TEXT NOT NULL, started TEXT NOT NULL, ended TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS robot (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, level TEXT NOT NULL, description TEXT NOT NULL,
    permissions TEXT NOT NULL, secret TEXT NOT NULL, disabled INTEGER NOT NULL DEFAULT 0,
    expires_at INTEGER NOT NULL, duration INTEGER NOT NULL, created TEXT NOT NULL, updated TEXT NOT NULL);
"""
NEVER = "0001-01-01T00:00:00.000Z"  # Harbor's way of saying "not yet pulled"


def connect(path: Path) -> sqlite3.Connection:
    """Open (and on first use make) the database."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.row_factory = sqlite3.Row
    connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;" + SCHEMA)
    return connection


def now() -> str:
    """Return the present as Harbor writes times."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
