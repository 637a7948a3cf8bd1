"""Harbor's vulnerability scan, truthfully small: it reads the image, knows no vulnerabilities, and says so.

A scan is a row that goes Pending -> Running -> Success; one that a restart interrupted is taken up again.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import uuid
from typing import Any

from .catalog import Catalog
from .database import now
from .errors import HarborError

REPORT_TYPE = "application/vnd.security.vulnerability.report; version=1.1"
SCANNER = {"name": "sandbox (no vulnerability database)", "vendor": "Slipway sandbox", "version": "1"}
PAUSE = 0.05  # so that clients meet the states in between


class Scanner:
    """Scans artifacts of one catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Take up what a restart interrupted."""
        for row in self._catalog.all("SELECT artifact_id FROM scan WHERE status IN ('Pending', 'Running')"):
            self._begin(row["artifact_id"])

    async def stop(self) -> None:
        """Interrupt what is running."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def scan(self, artifact: sqlite3.Row) -> None:
        """Queue a scan of an artifact.

        Raises:
            HarborError: CONFLICT while one is in progress.
        """
        running = self._row(artifact)
        if running is not None and running["status"] in ("Pending", "Running"):
            raise HarborError("CONFLICT", f"a previous scan process is running for artifact {artifact['digest']}")
        moment = now()
        self._catalog.database.execute(
            "INSERT OR REPLACE INTO scan VALUES (?, ?, 'Pending', ?, ?)",
            (artifact["id"], str(uuid.uuid4()), moment, moment),
        )
        self._begin(artifact["id"])

    def overview(self, artifact: sqlite3.Row) -> dict[str, Any] | None:
        """Return the summary shown in lists of artifacts, None before the first scan."""
        row = self._row(artifact)
        if row is None:
            return None
        overview: dict[str, Any] = {
            "report_id": row["report"], "scan_status": row["status"], "duration": 0,
            "start_time": row["started"], "end_time": row["ended"], "scanner": SCANNER,
        }  # fmt: skip
        if row["status"] == "Success":
            summary = {"total": 0, "fixable": 0, "summary": {}}
            overview |= {"severity": "None", "complete_percent": 100, "summary": summary}
        return {REPORT_TYPE: overview}

    def report(self, artifact: sqlite3.Row) -> dict[str, Any]:
        """Return the full report: what was read, and an empty list, for no database of vulnerabilities is here.

        Raises:
            HarborError: NOT_FOUND before the first scan has ended.
        """
        row = self._row(artifact)
        if row is None or row["status"] != "Success":
            raise HarborError("NOT_FOUND", f"no scan report for artifact {artifact['digest']}")
        return {
            REPORT_TYPE: {
                "generated_at": row["ended"], "scanner": SCANNER, "severity": "None", "vulnerabilities": [],
                "artifact": {"digest": artifact["digest"], "mime_type": artifact["media_type"]},
            }
        }  # fmt: skip

    def _row(self, artifact: sqlite3.Row) -> sqlite3.Row | None:
        return self._catalog.one("SELECT * FROM scan WHERE artifact_id = ?", artifact["id"])

    def _begin(self, artifact_id: int) -> None:
        task = asyncio.create_task(self._run(artifact_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, artifact_id: int) -> None:
        await asyncio.sleep(PAUSE)
        self._become(artifact_id, "Running")
        await asyncio.sleep(PAUSE)
        artifact = self._catalog.one("SELECT * FROM artifact WHERE id = ?", artifact_id)
        if artifact is not None:
            self._become(artifact_id, "Success" if self._readable(artifact) else "Error")

    def _become(self, artifact_id: int, status: str) -> None:
        sql = "UPDATE scan SET status = ?, ended = ? WHERE artifact_id = ?"
        self._catalog.database.execute(sql, (status, now(), artifact_id))

    def _readable(self, artifact: sqlite3.Row) -> bool:
        """Return whether every part of the image is there, which is all that this scanner can tell."""
        try:
            manifest = json.loads(self._catalog.blobs.read(artifact["digest"]))
        except (OSError, ValueError):
            return False
        parts = [manifest["config"], *manifest["layers"]] if "config" in manifest else manifest.get("manifests", [])
        return all(self._catalog.blobs.has(part["digest"]) for part in parts)
