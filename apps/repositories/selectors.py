"""Reads of an application's repository, from GitLab."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from datetime import datetime

from apps.applications.models import Application
from apps.connections import selectors as connections
from apps.connections.models import Connection
from apps.core.errors import InvalidInput, NotFound
from apps.integrations import providers
from apps.integrations.errors import Missing, Rejected
from apps.integrations.gitlab.client import GitLabClient
from apps.integrations.gitlab.entities import Branch, Commit, Repository, Tag

_SHA = re.compile(r"[0-9a-f]{7,64}")


@dataclass(frozen=True)
class ResolvedRef:
    """What a branch, tag or commit asked for points to now."""

    ref: str
    kind: str  # branch, tag, commit
    sha: str
    title: str
    author: str
    authored_at: datetime
    url: str

    def as_dict(self) -> dict[str, object]:
        """Return plain values."""
        return asdict(self)


def _client(connection: Connection) -> GitLabClient:
    return providers.gitlab(connections.client_connection(connection))


def list_repositories(gitlab: Connection, search: str = "") -> list[Repository]:
    """Return repositories that Slipway's token sees, for choosing one.

    Raises:
        IntegrationError: GitLab cannot be asked.
    """
    return _client(gitlab).list_repositories(search)


def list_branches_of(gitlab: Connection, path: str, search: str = "") -> list[Branch]:
    """Return the branches of any repository, for choosing one before the application exists.

    Raises:
        NotFound: no such repository.
        IntegrationError: GitLab cannot be asked.
    """
    try:
        return _client(gitlab).list_branches(path, search)
    except Missing as exc:
        raise NotFound("repository.missing", path=path) from exc


def list_branches(application: Application, search: str = "") -> list[Branch]:
    """Return the branches of an application's repository.

    Raises:
        NotFound: the repository is gone.
        IntegrationError: GitLab cannot be asked.
    """
    try:
        return _client(application.gitlab).list_branches(application.repository_id, search)
    except Missing as exc:
        raise NotFound("repository.missing", path=application.repository_path) from exc


def list_tags(application: Application, search: str = "") -> list[Tag]:
    """Return the tags of an application's repository.

    Raises:
        NotFound: the repository is gone.
        IntegrationError: GitLab cannot be asked.
    """
    try:
        return _client(application.gitlab).list_tags(application.repository_id, search)
    except Missing as exc:
        raise NotFound("repository.missing", path=application.repository_path) from exc


def list_commits(application: Application, ref: str, *, limit: int = 30) -> list[Commit]:
    """Return the commits of a ref, newest first.

    Raises:
        NotFound: the repository or the ref is gone.
        IntegrationError: GitLab cannot be asked.
    """
    try:
        return _client(application.gitlab).list_commits(application.repository_id, ref, limit=limit)
    except Missing as exc:
        raise NotFound("repository.ref_missing", path=application.repository_path, ref=ref) from exc


def resolve_ref(application: Application, ref: str) -> ResolvedRef:
    """Return the exact commit that a branch, a tag or a (short) commit id means now; branches win over tags.

    Raises:
        InvalidInput: there is no such thing (any more).
        IntegrationError: GitLab cannot be asked.
    """
    client, repository = _client(application.gitlab), application.repository_id
    for kind, find in (("branch", client.get_branch), ("tag", client.get_tag)):
        try:
            return _resolved(ref, kind, find(repository, ref).commit)
        except (Missing, Rejected):
            continue
    if _SHA.fullmatch(ref.lower()):
        try:
            return _resolved(ref, "commit", client.get_commit(repository, ref.lower()))
        except (Missing, Rejected):
            pass
    raise InvalidInput("repository.ref_missing", path=application.repository_path, ref=ref, fields={"ref": ["missing"]})


def clone_url(application: Application) -> str:
    """Return where Jenkins clones from, without credentials.

    Raises:
        NotFound: the repository is gone.
        IntegrationError: GitLab cannot be asked.
    """
    try:
        return _client(application.gitlab).get_repository(application.repository_id).clone_url
    except Missing as exc:
        raise NotFound("repository.missing", path=application.repository_path) from exc


def _resolved(ref: str, kind: str, commit: Commit) -> ResolvedRef:
    return ResolvedRef(ref, kind, commit.sha, commit.title, commit.author, commit.authored_at, commit.url)
