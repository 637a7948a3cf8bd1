"""What every page shows around its content: the navigation."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from apps.applications.access import visible_projects
from apps.applications.models import Project

MOST_PROJECTS = 50

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
    """Return `nav`: the section of the page, the visible projects and the present one, each read when it is shown."""
    if not getattr(request, "user", None) or not request.user.is_authenticated:
        return {}
    parts = request.path.strip("/").split("/")
    slug = parts[1] if parts[0] == "projects" and len(parts) > 1 and parts[1] != "-" else ""
    projects: Any = SimpleLazyObject(lambda: list(visible_projects(request.actor)[:MOST_PROJECTS]))  # type: ignore[attr-defined]

    def present() -> Project | None:
        listed = next((project for project in projects if project.slug == slug), None)
        return listed or visible_projects(request.actor).filter(slug=slug).first()  # type: ignore[attr-defined]

    return {
        "nav": {
            "section": SECTIONS.get(parts[0], "home"),
            "projects": projects,
            "project": SimpleLazyObject(present) if slug else None,
        }
    }
