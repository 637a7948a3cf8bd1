"""The client of one GitLab. Objects are made lazily, so that each method is one request.

A repository is named by its path (`group/name`) or numeric id. Docs of each call: https://docs.gitlab.com/api/.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any, TypeVar
from urllib.parse import quote

import gitlab
import gitlab.exceptions
import msgspec
from gitlab.base import RESTObject
from gitlab.v4.objects import Project

from apps.integrations.calls import Effect, Timeout
from apps.integrations.connection import Connection
from apps.integrations.errors import IntegrationError, Missing, UnexpectedResponse
from apps.integrations.sessions import Session, VendorCalls

from .entities import Branch, ChangedFile, Commit, Comparison, Hook, Repository, Tag

T = TypeVar("T")
Object = dict[str, Any]
PAGE = 100
HOOKS = 1000
FILE_LIMIT = 1024 * 1024


class GitLabClient:
    """One GitLab, with one token's rights."""

    def __init__(self, connection: Connection, *, timeout: Timeout | None = None) -> None:
        self._system = connection.system
        self._session = Session(connection, timeout or Timeout())
        self._call = VendorCalls(connection, words=_words, vendor_error=self._vendor_error)
        self._gitlab = gitlab.Gitlab(
            connection.url.rstrip("/"),
            private_token=connection.secret or None,
            session=self._session,
            # Retries are decided here, where it is known whether a request may be repeated.
            retry_transient_errors=False,
            per_page=PAGE,
            keep_base_url=True,
        )

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def current_user(self) -> str:
        """Return the name of the user the token belongs to: the cheapest proof that it works.

        https://docs.gitlab.com/api/users/#get-the-current-user
        """
        return self._call("read user", Effect.READ, lambda: str(_object(self._gitlab.http_get("/user"))["username"]))

    def version(self) -> str:
        """Return GitLab's version (https://docs.gitlab.com/api/version/)."""
        return self._call(
            "read version", Effect.READ, lambda: str(_object(self._gitlab.http_get("/version"))["version"])
        )

    def list_repositories(self, search: str = "", *, limit: int = 50) -> list[Repository]:
        """Return the repositories the token is a member of, most recently active first."""
        options = {"membership": True, "order_by": "last_activity_at", **_searched(search)}
        return self._list(
            "list projects", limit, lambda: self._gitlab.projects.list(iterator=True, **options), _repository
        )

    def get_repository(self, repository: str | int) -> Repository:
        """Return one repository.

        Raises:
            Missing: there is none, or the token may not see it (GitLab does not say which).
        """
        return self._get("read project", lambda: self._gitlab.projects.get(repository), _repository)

    def list_branches(self, repository: str | int, search: str = "", *, limit: int = 200) -> list[Branch]:
        """Return branches, most recently changed first."""
        project = self._project(repository)
        branches = self._list(
            "list branches", limit, lambda: project.branches.list(iterator=True, **_searched(search)), _branch
        )
        return sorted(branches, key=lambda branch: branch.commit.authored_at, reverse=True)

    def get_branch(self, repository: str | int, name: str) -> Branch:
        """Return one branch.

        Raises:
            Missing: it is gone.
        """
        return self._get("read branch", lambda: self._project(repository).branches.get(name), _branch)

    def list_tags(self, repository: str | int, search: str = "", *, limit: int = 200) -> list[Tag]:
        """Return tags, newest first."""
        project = self._project(repository)
        return self._list("list tags", limit, lambda: project.tags.list(iterator=True, **_searched(search)), _tag)

    def get_tag(self, repository: str | int, name: str) -> Tag:
        """Return one tag.

        Raises:
            Missing: it is gone.
        """
        return self._get("read tag", lambda: self._project(repository).tags.get(name), _tag)

    def list_commits(self, repository: str | int, ref: str, *, limit: int = 50) -> list[Commit]:
        """Return the newest commits of a branch, a tag or a commit; none where the ref does not exist."""
        project = self._project(repository)
        return self._list("list commits", limit, lambda: project.commits.list(iterator=True, ref_name=ref), _commit)

    def get_commit(self, repository: str | int, ref: str) -> Commit:
        """Return the commit that a branch, a tag or a (short) SHA stands for now.

        Raises:
            Missing: it is gone.
        """
        # python-gitlab quotes ids of commits only partly; a branch may have a slash.
        path = f"/projects/{_id(repository)}/repository/commits/{quote(ref, safe='')}"
        return self._call("read commit", Effect.READ, lambda: _commit(_object(self._gitlab.http_get(path))))

    def compare(self, repository: str | int, old: str, new: str) -> Comparison:
        """Return what a release from one commit to the other brings.

        https://docs.gitlab.com/api/repositories/#compare-branches-tags-or-commits
        """
        project = self._project(repository)
        return self._call("compare", Effect.READ, lambda: _comparison(_object(project.repository_compare(old, new))))

    def read_file(self, repository: str | int, path: str, ref: str) -> bytes:
        """Return a file's content at a ref.

        Raises:
            Missing: no such file or ref.
            UnexpectedResponse: it is bigger than FILE_LIMIT.
        """
        project = self._project(repository)
        content = self._call("read file", Effect.READ, lambda: project.files.raw(file_path=path, ref=ref))
        if not isinstance(content, bytes) or len(content) > FILE_LIMIT:
            raise UnexpectedResponse(self._system, "read file", 200, f"{path} is bigger than {FILE_LIMIT} bytes")
        return content

    def list_hooks(self, repository: str | int) -> list[Hook]:
        """Return the repository's webhooks (https://docs.gitlab.com/api/project_webhooks/)."""
        project = self._project(repository)
        return self._list("list hooks", HOOKS, lambda: project.hooks.list(iterator=True), _hook)

    def ensure_hook(self, repository: str | int, url: str, token: str) -> Hook:
        """Make sure that pushes and tags are announced to `url` with this token, by exactly one hook.

        The token cannot be read back, so an existing hook is always written again.
        """
        project = self._project(repository)
        wanted = {"url": url, "token": token, "push_events": True, "tag_push_events": True}
        same = [hook for hook in self.list_hooks(repository) if hook.url == url]
        for spare in same[1:]:
            self.delete_hook(repository, spare.id)
        if same:
            return self._call(
                "update hook",
                Effect.REPEATABLE,
                lambda: _hook(_object(project.hooks.update(same[0].id, dict(wanted)))),
            )
        # Sent twice it would make two hooks; the next call of this method would remove the second.
        return self._call("create hook", Effect.ONCE, lambda: _hook(project.hooks.create(dict(wanted)).attributes))

    def delete_hook(self, repository: str | int, hook_id: int) -> bool:
        """Delete a webhook and return whether it was there."""
        project = self._project(repository)
        try:
            self._call("delete hook", Effect.REPEATABLE, lambda: project.hooks.delete(hook_id))
        except Missing:
            return False
        return True

    def _project(self, repository: str | int) -> Project:
        return self._gitlab.projects.get(repository, lazy=True)

    def _get(self, operation: str, action: Callable[[], RESTObject], build: Callable[[Object], T]) -> T:
        return self._call(operation, Effect.READ, lambda: build(action().attributes))

    def _list(
        self, operation: str, limit: int, action: Callable[[], Iterable[RESTObject]], build: Callable[[Object], T]
    ) -> list[T]:
        # Reading on makes requests, so it belongs inside the call.
        return self._call(operation, Effect.READ, lambda: [build(each.attributes) for each in islice(action(), limit)])

    def _vendor_error(self, operation: str, exc: Exception) -> IntegrationError | None:
        # Refusals never get this far; what is left are answers that are not GitLab's.
        if isinstance(exc, gitlab.exceptions.GitlabError | KeyError | TypeError | ValueError | AttributeError):
            return UnexpectedResponse(self._system, operation, None, f"{type(exc).__name__}: {exc}")
        return None


def _object(answer: object) -> Object:
    """Return the answer where it is a JSON object; python-gitlab hands other media types through.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(answer, dict):
        raise TypeError("the answer is no JSON object")
    return answer


def _id(repository: str | int) -> str:
    return quote(str(repository), safe="")


def _searched(search: str) -> dict[str, str]:
    return {"search": search} if search else {}


def _repository(found: Object) -> Repository:
    return Repository(
        id=int(found["id"]),
        path=found["path_with_namespace"],
        name=found["name"],
        description=found.get("description") or "",
        default_branch=found.get("default_branch") or "",
        url=found["web_url"],
        clone_url=found["http_url_to_repo"],
    )


def _commit(found: Object) -> Commit:
    return Commit(
        sha=found["id"],
        title=found.get("title") or "",
        message=found.get("message") or "",
        author=found.get("author_name") or "",
        author_email=found.get("author_email") or "",
        authored_at=datetime.fromisoformat(found.get("authored_date") or found["created_at"]),
        url=found.get("web_url") or "",
    )


def _branch(found: Object) -> Branch:
    commit = _commit(found["commit"])
    return Branch(found["name"], commit, bool(found.get("default")), bool(found.get("protected")))


def _tag(found: Object) -> Tag:
    return Tag(found["name"], _commit(found["commit"]), found.get("message") or "")


def _comparison(found: Object) -> Comparison:
    # GitLab lists the oldest first.
    commits = tuple(_commit(each) for each in reversed(found.get("commits") or []))
    files = tuple(_changed_files(found.get("diffs") or []))
    return Comparison(commits, files, found.get("web_url") or "")


def _changed_files(diffs: Iterable[Object]) -> Iterator[ChangedFile]:
    for diff in diffs:
        marks = (("new_file", "added"), ("deleted_file", "removed"), ("renamed_file", "renamed"))
        change = next((word for mark, word in marks if diff.get(mark)), "modified")
        yield ChangedFile(diff["old_path"], diff["new_path"], change)


def _hook(found: Object) -> Hook:
    return Hook(int(found["id"]), found["url"], bool(found.get("push_events")), bool(found.get("tag_push_events")))


def _words(body: bytes) -> str:
    """Return GitLab's own sentence: {"message": text or {field: [texts]}} or {"error": text}."""
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    words = said.get("message") or said.get("error_description") or said.get("error") if isinstance(said, dict) else ""
    if isinstance(words, dict):
        return "; ".join(f"{field}: {', '.join(map(str, texts))}" for field, texts in words.items())
    return str(words or "")
