"""Reads of builds from the database. What Jenkins says was taken over by the steps; no page waits for it."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Prefetch, Q, QuerySet

from apps.applications.models import Application
from apps.core.errors import NotFound

from . import logtext
from .consolelog import LOG_LIMIT
from .models import Build, BuildStage, Finding, LogChunk, Status

RELATED = ("application__project", "application__harbor", "dockerfile", "created_by")
SORTS = {
    "number": "number",
    "-number": "-number",
    "created": "created_at",
    "-created": "-created_at",
    "status": "status",
    "-status": "-status",
    "ref": "ref",
    "-ref": "-ref",
}


@dataclass(frozen=True)
class LogPart:
    """Some lines of a build's log. `first` counts from 1; `total` is how many there are so far."""

    lines: list[str]
    first: int
    total: int
    complete: bool  # nothing will be added
    cut: bool  # the log is longer than what is kept


def list_builds(
    application: Application, *, search: str = "", status: str = "", ref: str = "", sort: str = "-number"
) -> QuerySet[Build]:
    """Return an application's builds; `search` looks at number, commit, ref, title and authors."""
    builds = Build.objects.filter(application=application).select_related(*RELATED).defer("report", "log_held")
    if status in Status.values:
        builds = builds.filter(status=status)
    if ref:
        builds = builds.filter(ref=ref)
    if wanted := search.strip().removeprefix("#"):
        match = (
            Q(commit_sha__startswith=wanted.lower())
            | Q(ref__icontains=wanted)
            | Q(commit_title__icontains=wanted)
            | Q(commit_author__icontains=wanted)
            | Q(created_by_name__icontains=wanted)
        )
        if wanted.isdecimal() and len(wanted) < 9:
            match |= Q(number=int(wanted))
        builds = builds.filter(match)
    return builds.order_by(SORTS.get(sort, "-number"), "-id")


def get_build(application: Application, number: int) -> Build:
    """Return one build with its stages and findings.

    Raises:
        NotFound: there is none of that number.
    """
    build = (
        Build.objects.filter(application=application, number=number)
        .select_related(*RELATED, "application__gitlab", "application__jenkins")
        .prefetch_related(
            Prefetch("stages", BuildStage.objects.order_by("position")),
            Prefetch("findings", Finding.objects.order_by("id")),
        )
        .first()
    )
    if build is None:
        raise NotFound("object.missing")
    return build


def find_succeeded(application: Application, *, commit_sha: str) -> Build | None:
    """Return the newest build of a commit that has an image."""
    builds = Build.objects.filter(application=application, commit_sha=commit_sha, status=Status.SUCCEEDED)
    return builds.select_related(*RELATED).order_by("-id").first()


def chunks_after(build: Build, offset: int) -> list[LogChunk]:
    """Return the pieces of the log from `offset` on (-1 for all), in order."""
    return list(LogChunk.objects.filter(build=build, offset__gt=offset).order_by("offset"))


def log_text(build: Build) -> str:
    """Return the whole log as it was kept."""
    return "".join(LogChunk.objects.filter(build=build).order_by("offset").values_list("text", flat=True))


def log_lines(build: Build) -> list[str]:
    """Return all lines of the log, without colours."""
    return logtext.split_lines(log_text(build))


def read_log(build: Build, *, first: int = 1, limit: int = 1000) -> LogPart:
    """Return up to `limit` lines from line `first` on; a negative `first` counts from the end."""
    lines = log_lines(build)
    start = max(len(lines) + first, 0) if first < 0 else max(first - 1, 0)
    return LogPart(lines[start : start + limit], start + 1, len(lines), build.is_final, is_cut(build))


def is_cut(build: Build) -> bool:
    """Return whether the log is longer than what is kept."""
    return build.log_offset > LOG_LIMIT


def failing_excerpt(build: Build) -> logtext.Excerpt | None:
    """Return the lines around the one that made a build fail, None where it did not or the log does not tell."""
    if build.status not in (Status.FAILED, Status.ERRORED):
        return None
    lines = log_lines(build)
    failed = next((stage for stage in build.stages.all() if stage.name == build.failed_stage), None)
    marked = logtext.failing_line(lines, failed.title if failed else "")
    return None if marked is None else logtext.excerpt(lines, marked)
