"""Write commits by the API: several file actions, one commit, one moved branch.

https://docs.gitlab.com/api/commits/#create-a-commit-with-multiple-files-and-actions
"""

from __future__ import annotations

import base64
import binascii
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .accounts import User
from .errors import bad_request, missing
from .git import Git, GitError

ZERO = "0" * 40


@dataclass(frozen=True)
class Change:
    """A ref that moved; `before` or `after` is ZERO where it was made or removed."""

    ref: str
    before: str
    after: str


async def commit_actions(git: Git, body: dict[str, Any], author: User) -> tuple[str, Change]:
    """Commit the actions of a request onto its branch and return the commit's id and the moved ref.

    Raises:
        ApiError: a parameter is missing, a file (does not) exist, or the branch moved meanwhile.
    """
    for parameter in ("branch", "commit_message", "actions"):
        if not body.get(parameter):
            raise missing(parameter)
    branch = body["branch"]
    await _check_branch_name(git, branch)
    tip = await git.find_commit(f"refs/heads/{branch}")
    start = body.get("start_sha") or body.get("start_branch")
    if tip is not None and start and not body.get("force"):
        raise bad_request(f"A branch called '{branch}' already exists. Switch to that branch in order to make changes")
    parent = tip if start is None else await git.find_commit(start)
    if parent is None and (start or await git.refs()):
        raise bad_request("You can only create or edit files when you are on a branch")
    with tempfile.TemporaryDirectory() as folder:
        index = _Index(git, Path(folder) / "index")
        if parent is not None:
            await index.run("read-tree", parent)
        for action in body["actions"]:
            await index.act(action)
        tree = (await index.run("write-tree")).decode().strip()
    person = {
        "GIT_AUTHOR_NAME": body.get("author_name") or author.name,
        "GIT_AUTHOR_EMAIL": body.get("author_email") or author.email,
        "GIT_COMMITTER_NAME": author.name,
        "GIT_COMMITTER_EMAIL": author.email,
    }
    parents = ["-p", parent] if parent else []
    message = body["commit_message"].encode()
    sha = (await git.run("commit-tree", tree, *parents, stdin=message, environment=person)).decode().strip()
    change = Change(f"refs/heads/{branch}", tip or ZERO, sha)
    await move(git, change)
    return sha, change


async def move(git: Git, change: Change) -> None:
    """Move a ref by compare-and-set; ZERO makes or removes it."""
    arguments = ("-d", change.ref) if change.after == ZERO else (change.ref, change.after)
    try:
        await git.run("update-ref", *arguments, change.before)
    except GitError as exc:
        raise bad_request("Could not update the ref. Please refresh and try again") from exc


async def _check_branch_name(git: Git, branch: str) -> None:
    try:
        await git.run("check-ref-format", "--branch", branch)
    except GitError as exc:
        raise bad_request("Branch name is invalid") from exc


@dataclass(frozen=True)
class _Index:
    """A throwaway index, so that no work tree is needed."""

    git: Git
    path: Path

    async def run(self, *arguments: str, stdin: bytes = b"") -> bytes:
        return await self.git.run(*arguments, stdin=stdin, environment={"GIT_INDEX_FILE": str(self.path)})

    async def act(self, action: dict[str, Any]) -> None:
        """Apply one action to the index."""
        kind, path = action.get("action"), action.get("file_path")
        if not path:
            raise missing("actions[file_path]")
        _check_path(path)
        if kind not in ("create", "update", "delete", "move", "chmod"):
            raise bad_request("actions[action] does not have a valid value")
        exists = await self._mode(path)
        if kind == "create" and exists:
            raise bad_request("A file with this name already exists")
        source = action.get("previous_path") or "" if kind == "move" else path
        if kind == "move":
            _check_path(source)
        mode = await self._mode(source)
        if kind != "create" and not mode:
            raise bad_request("A file with this name doesn't exist")
        if kind in ("delete", "move"):
            blob = await self._blob(source)
            # Mode 0 removes an entry; --force-remove would ask for a work tree.
            await self.run("update-index", "-z", "--index-info", stdin=f"0 {ZERO}\t{source}\0".encode())
            if kind == "delete":
                return
        else:
            blob = await self._blob(path) if mode else ""
        if action.get("content") is not None or kind == "create":
            blob = (await self.run("hash-object", "-w", "--stdin", stdin=_content(action))).decode().strip()
        if "execute_filemode" in action:
            mode = "100755" if action["execute_filemode"] else "100644"
        await self.run("update-index", "--add", "--cacheinfo", f"{mode or '100644'},{blob},{path}")

    async def _entry(self, path: str) -> list[str]:
        output = (await self.run("ls-files", "--stage", "-z", "--", f":(literal){path}")).decode()
        entries = [line for line in output.split("\0") if line.endswith(f"\t{path}")]
        return entries[0].split(None, 3) if entries else []

    async def _mode(self, path: str) -> str:
        return (await self._entry(path) or [""])[0]

    async def _blob(self, path: str) -> str:
        return (await self._entry(path))[1]


def _check_path(path: str) -> None:
    parts = path.split("/")
    if any(part in ("", ".", "..") or part.lower() == ".git" for part in parts) or not path.isprintable():
        raise bad_request("Path is invalid: it must stay inside the repository")


def _content(action: dict[str, Any]) -> bytes:
    content = action.get("content") or ""
    if action.get("encoding") != "base64":
        return str(content).encode()
    try:
        return base64.b64decode(content, validate=True)
    except binascii.Error as exc:
        raise bad_request("actions[content] is no base64") from exc
