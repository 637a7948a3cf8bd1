"""What every page shows around its content: the navigation."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from apps.applications.access import visible_projects

SECTIONS = {
    "projects": "applications",
    "apps": "applications",
    "releases": "releases",
    "approvals": "releases",
    "clusters": "clusters",
    "connections": "connections",
    "people": "people",
    "base-images": "base-images",
    "audit": "audit",
    "account": "account",
}


def navigation(request: HttpRequest) -> dict[str, Any]:
    """Return `nav`: the section of the page, the visible projects (lazily) and the present project's slug."""
    if not getattr(request, "user", None) or not request.user.is_authenticated:
        return {}
    parts = request.path.strip("/").split("/")
    return {
        "nav": {
            "section": SECTIONS.get(parts[0], "home"),
            "projects": SimpleLazyObject(lambda: list(visible_projects(request.actor)[:50])),  # type: ignore[attr-defined]
            "project": parts[1] if parts[0] == "projects" and len(parts) > 1 and parts[1] != "-" else None,
        }
    }
