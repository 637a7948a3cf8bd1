"""The client of one Harbor, API v2.0 (https://github.com/goharbor/harbor/blob/main/api/v2.0/swagger.yaml).

Our own, because no kept package speaks it well, and one of that name sends its callers' keys to a stranger.
A repository is named without its project: `web/api` in project `shop` is pulled as `<registry>/shop/web/api`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from apps.integrations.calls import Effect, Timeout
from apps.integrations.connection import Connection
from apps.integrations.errors import AlreadyExists, Missing, UnexpectedResponse
from apps.integrations.http import Answer, HttpClient

from .entities import SEVERITIES, Artifact, Health, Project, Robot, ScanOverview, Tag

API = "/api/v2.0"
PAGE = 100
PAGES = 1000
_NO_TIME = "0001-01-01T00:00:00"  # how Go writes a time that is not set
_REPORT = "application/vnd.security.vulnerability.report; version=1.1"
Object = dict[str, Any]
T = TypeVar("T")


class HarborClient:
    """One Harbor, with one account's rights."""

    def __init__(self, connection: Connection, *, timeout: Timeout | None = None) -> None:
        auth = (connection.username, connection.secret) if connection.username else None
        self._http = HttpClient(connection, timeout=timeout or Timeout(), auth=auth, words=words)

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def health(self) -> Health:
        """Return how Harbor and its parts are."""
        return self._read("/health", "read health", _health)

    def current_user(self) -> str:
        """Return the name of the account: the cheapest proof that the credentials work.

        Raises:
            Unauthorized: they do not. A robot account also gets this answer, though it may push and pull.
        """
        return self._read("/users/current", "read user", lambda found: str(found["username"]))

    def version(self) -> str:
        """Return Harbor's version; empty where the account may not see it."""
        return self._read("/systeminfo", "read version", lambda found: str(found.get("harbor_version") or ""))

    # -- projects -----------------------------------------------------------------------------------------------

    def get_project(self, name: str) -> Project:
        """Return a project.

        Raises:
            Missing: there is none of that name.
            Unauthorized: so says Harbor of a private project we are no member of.
        """
        # The header tells Harbor that it is a name, not an id: projects may be named in digits.
        headers = {"X-Is-Resource-Name": "true"}
        return self._read(f"/projects/{_part(name)}", "read project", _project, headers=headers)

    def ensure_project(self, name: str, *, public: bool = False) -> bool:
        """Make sure that a project is there, and return whether it was made; an existing one is left as it is."""
        try:
            self.get_project(name)
        except Missing:
            wanted = {"project_name": name, "metadata": {"public": "true" if public else "false"}}
            try:
                # Sent twice it is refused, not made twice.
                self._write("POST", "/projects", "create project", json=wanted, effect=Effect.REPEATABLE)
            except AlreadyExists:
                return False
            return True
        return False

    # -- artifacts ----------------------------------------------------------------------------------------------

    def list_repositories(self, project: str) -> list[str]:
        """Return the names of a project's repositories, without the project."""
        path = f"/projects/{_part(project)}/repositories"
        return self._pages(path, "list repositories", lambda found: str(found["name"]).removeprefix(f"{project}/"))

    def get_artifact(self, project: str, repository: str, reference: str) -> Artifact:
        """Return the artifact of a digest or tag, with its tags and what the scanner found.

        Raises:
            Missing: it was never pushed, or is gone.
        """
        params = {"with_tag": "true", "with_scan_overview": "true", "with_label": "false"}
        headers = {"X-Accept-Vulnerabilities": _REPORT}
        path = _artifact_path(project, repository, reference)
        return self._read(path, "read artifact", _artifact, params=params, headers=headers)

    def find_artifact(self, project: str, repository: str, reference: str) -> Artifact | None:
        """Return the artifact of a digest or tag, or None where there is none."""
        try:
            return self.get_artifact(project, repository, reference)
        except Missing:
            return None

    def list_artifacts(self, project: str, repository: str) -> list[Artifact]:
        """Return the artifacts of a repository, newest first."""
        params = {"with_tag": "true", "with_scan_overview": "true", "sort": "-push_time"}
        path = f"/projects/{_part(project)}/repositories/{_repository(repository)}/artifacts"
        return self._pages(path, "list artifacts", _artifact, params)

    def delete_artifact(self, project: str, repository: str, digest: str) -> bool:
        """Delete an artifact with all its tags, and return whether it was there."""
        try:
            self._write("DELETE", _artifact_path(project, repository, digest), "delete artifact")
        except Missing:
            return False
        return True

    def list_tags(self, project: str, repository: str, reference: str) -> list[Tag]:
        """Return the tags of an artifact."""
        path = f"{_artifact_path(project, repository, reference)}/tags"
        return self._pages(path, "list tags", _tag)

    def ensure_tag(self, project: str, repository: str, digest: str, tag: str) -> bool:
        """Make sure that an artifact has a tag, and return whether it was given now.

        Raises:
            AlreadyExists: another artifact has it; tags of ours never move.
        """
        path = f"{_artifact_path(project, repository, digest)}/tags"
        try:
            self._write("POST", path, "create tag", json={"name": tag}, effect=Effect.REPEATABLE)
        except AlreadyExists:
            if any(each.name == tag for each in self.list_tags(project, repository, digest)):
                return False
            raise
        return True

    def delete_tag(self, project: str, repository: str, reference: str, tag: str) -> bool:
        """Take a tag away, and return whether it was there."""
        path = f"{_artifact_path(project, repository, reference)}/tags/{_part(tag)}"
        try:
            self._write("DELETE", path, "delete tag")
        except Missing:
            return False
        return True

    def scan(self, project: str, repository: str, digest: str) -> None:
        """Ask for a scan, whose result shows up in `get_artifact(...).scan`; while one runs nothing is asked."""
        path = f"{_artifact_path(project, repository, digest)}/scan"
        try:
            self._write("POST", path, "scan artifact", effect=Effect.REPEATABLE)
        except AlreadyExists:
            return

    # -- robots -------------------------------------------------------------------------------------------------

    def list_robots(self) -> list[Robot]:
        """Return the robot accounts of the whole Harbor."""
        return self._pages("/robots", "list robots", _robot)

    def create_robot(
        self, name: str, project: str, *, push: bool, days: int = -1, description: str = "Made by Slipway"
    ) -> Robot:
        """Create a robot account that may pull from a project, and push where told; -1 days never expires.

        Raises:
            AlreadyExists: there is one of that name; its secret cannot be read, so delete it or keep it.
            OutcomeUnknown: no answer came; the secret of a robot made then is lost.
        """
        access = [{"resource": "repository", "action": "pull"}]
        access += [{"resource": "repository", "action": "push"}] if push else []
        wanted = {
            "name": name, "description": description, "level": "system", "duration": days, "disable": False,
            "permissions": [{"kind": "project", "namespace": project, "access": access}],
        }  # fmt: skip
        return _built(self._write("POST", "/robots", "create robot", json=wanted), _robot)

    def delete_robot(self, id: int) -> bool:
        """Delete a robot account, and return whether it was there."""
        try:
            self._write("DELETE", f"/robots/{id}", "delete robot")
        except Missing:
            return False
        return True

    # -- the wire -----------------------------------------------------------------------------------------------

    def _read(
        self,
        path: str,
        operation: str,
        build: Callable[[Object], T],
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> T:
        answer = self._http.request("GET", API + path, operation=operation, params=params, headers=headers)
        return _built(answer, build)

    def _pages(
        self, path: str, operation: str, build: Callable[[Object], T], params: Mapping[str, Any] | None = None
    ) -> list[T]:
        found: list[T] = []
        for page in range(1, PAGES + 1):
            query = {**(params or {}), "page": page, "page_size": PAGE}
            answer = self._http.request("GET", API + path, operation=operation, params=query)
            items = _built(answer, lambda listed: [build(each) for each in listed], list)
            found += items
            if len(items) < PAGE:
                break
        return found

    def _write(
        self, method: str, path: str, operation: str, *, json: Object | None = None, effect: Effect | None = None
    ) -> Answer:
        return self._http.request(method, API + path, operation=operation, json=json, effect=effect)


def words(body: bytes) -> str:
    """Return the sentences of Harbor's (and every registry's) error body: {"errors": [{"code", "message"}]}."""
    try:
        said = msgspec.json.decode(body)
        errors = said["errors"]
        return "; ".join(str(error.get("message") or error.get("code") or "") for error in errors)
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError):
        return ""


def _built(answer: Answer, build: Callable[[Any], T], shape: type = dict) -> T:
    """Return what `build` makes of the answer's JSON.

    Raises:
        UnexpectedResponse: it is not of that shape, or lacks something.
    """
    found = answer.json()
    try:
        if not isinstance(found, shape):
            raise TypeError(f"no {shape.__name__}")
        return build(found)
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        message = f"the answer is not Harbor's: {type(exc).__name__}: {exc}"
        raise UnexpectedResponse(answer.system, answer.operation, answer.status, message) from exc


def _part(text: str) -> str:
    return quote(text, safe="")


def _repository(name: str) -> str:
    # Harbor's router decodes once before it matches, so a slash has to be quoted twice.
    return _part(_part(name))


def _artifact_path(project: str, repository: str, reference: str) -> str:
    return f"/projects/{_part(project)}/repositories/{_repository(repository)}/artifacts/{quote(reference, safe=':')}"


def _health(found: Object) -> Health:
    sick = tuple(part["name"] for part in found.get("components") or [] if part.get("status") != "healthy")
    return Health(found.get("status") == "healthy", sick)


def _project(found: Object) -> Project:
    public = str((found.get("metadata") or {}).get("public", "false")).lower() == "true"
    return Project(int(found["project_id"]), found["name"], public, int(found.get("repo_count") or 0))


def _artifact(found: Object) -> Artifact:
    config = (found.get("extra_attrs") or {}).get("config") or {}
    return Artifact(
        digest=found["digest"],
        size=int(found.get("size") or 0),
        pushed_at=_moment(found.get("push_time")),
        tags=tuple(_tag(each) for each in found.get("tags") or []),
        labels=dict(config.get("Labels") or {}),
        scan=_scan_overview(found.get("scan_overview") or {}),
    )


def _tag(found: Object) -> Tag:
    return Tag(found["name"], _moment(found.get("push_time")))


def _scan_overview(reports: Mapping[str, Object]) -> ScanOverview | None:
    """Return the report; keyed by its media type, of which a newer Harbor may have others than we asked for."""
    report = next(iter(reports.values()), None)
    if report is None:
        return None
    summary = report.get("summary") or {}
    given = summary.get("summary") or {}
    scanner = report.get("scanner") or {}
    return ScanOverview(
        status=report.get("scan_status") or "",
        severity=report.get("severity") or "",
        counts={severity: int(given[severity]) for severity in SEVERITIES if given.get(severity)},
        fixable=int(summary.get("fixable") or 0),
        scanner=" ".join(part for part in (scanner.get("name"), scanner.get("version")) if part),
        finished_at=_moment(report.get("end_time")),
    )


def _robot(found: Object) -> Robot:
    expires = found.get("expires_at")
    until = datetime.fromtimestamp(expires, tz=UTC) if expires and expires > 0 else None
    return Robot(int(found["id"]), found["name"], until, found.get("secret") or "")


def _moment(text: str | None) -> datetime | None:
    return None if not text or text.startswith(_NO_TIME) else datetime.fromisoformat(text)
