"""Store what a build tells of itself: its stages and the findings of its scanners. Storing it again changes nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from .models import Build, BuildStage, Finding


def store_stages(rows: list[BuildStage]) -> None:
    """Store stages, over what was known of them."""
    BuildStage.objects.bulk_create(
        rows,
        update_conflicts=True,
        unique_fields=["build", "name"],
        update_fields=["position", "title", "status", "started_at", "seconds", "detail"],
    )


def store_report(build: Build, found: dict[str, Any]) -> None:
    """Store the stages and findings of a report, whose texts are free of secrets already."""
    store_stages(
        [
            BuildStage(
                build=build,
                position=position,
                name=stage["name"],
                title=stage["title"],
                status=stage["status"],
                started_at=_time(stage["started_at"]),
                seconds=stage["seconds"],
                detail=stage["detail"][:500],
            )
            for position, stage in enumerate(found["stages"])
        ]
    )
    with transaction.atomic():
        Finding.objects.filter(build=build).delete()
        Finding.objects.bulk_create(
            Finding(
                build=build,
                tool=finding["tool"][:40],
                rule=finding["rule"][:100],
                severity=finding["severity"],
                file=finding["file"][:400],
                line=finding["line"],
                message=finding["message"][:1000],
            )
            for finding in found["scan"]["findings"]
        )


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
