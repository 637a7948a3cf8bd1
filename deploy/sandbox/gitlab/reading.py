"""Read a repository: branches, tags, commits, compare, tree and files, as GitLab's JSON.

https://docs.gitlab.com/api/commits/, /branches/, /tags/, /repositories/, /repository_files/
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import re
from dataclasses import dataclass
from typing import Any

from .errors import ApiError, not_found
from .git import Git, GitError

UNIT, RECORD = "\x1f", "\x1e"
COMMIT_FORMAT = RECORD + UNIT.join(("%H", "%P", "%an", "%ae", "%aI", "%cn", "%ce", "%cI", "%B", ""))
DIFF_LIMIT = 1000
BLOB_LIMIT = 64 * 1024 * 1024
COMPARE_LIMIT = 1000


@dataclass(frozen=True)
class Reading:
    """The repository of one project; `web_url` is the project's page."""

    git: Git
    web_url: str

    async def commit_id(self, revision: str) -> str:
        """Return the id that a branch, tag or id names, or answer 404."""
        found = await self.git.find_commit(revision)
        if found is None:
            raise not_found("Commit")
        return found

    async def commits(self, *arguments: str, paths: tuple[str, ...] = (), stats: bool = False) -> list[dict[str, Any]]:
        """Return what `git log` finds for these arguments."""
        options = ["--shortstat"] if stats else []
        output = await self.git.text("log", f"--format={COMMIT_FORMAT}", *options, *arguments, "--", *paths)
        return [self._commit(record, stats=stats) for record in output.split(RECORD)[1:]]

    async def commit(self, revision: str, *, stats: bool = False) -> dict[str, Any]:
        """Return one commit, or answer 404."""
        sha = await self.commit_id(revision)
        return (await self.commits("-1", sha, "--first-parent", "--diff-merges=first-parent", stats=stats))[0]

    def _commit(self, record: str, *, stats: bool) -> dict[str, Any]:
        sha, parents, author, author_email, authored, committer, committer_email, committed, message, rest = (
            record.split(UNIT, 9)
        )
        message = message.rstrip("\n") + "\n" if message else ""
        commit: dict[str, Any] = {
            "id": sha,
            "short_id": sha[:8],
            "created_at": committed,
            "parent_ids": parents.split(),
            "title": message.split("\n", 1)[0],
            "message": message,
            "author_name": author,
            "author_email": author_email,
            "authored_date": authored,
            "committer_name": committer,
            "committer_email": committer_email,
            "committed_date": committed,
            "trailers": {},
            "extended_trailers": {},
            "web_url": f"{self.web_url}/-/commit/{sha}",
        }
        if stats:
            counts = {word: int(number) for number, word in re.findall(r"(\d+) (insertion|deletion)", rest)}
            additions, deletions = counts.get("insertion", 0), counts.get("deletion", 0)
            commit["stats"] = {"additions": additions, "deletions": deletions, "total": additions + deletions}
        return commit

    async def commits_by_id(self, ids: list[str]) -> dict[str, dict[str, Any]]:
        """Return several commits at once, by id."""
        if not ids:
            return {}
        found = await self.commits("--no-walk=unsorted", *dict.fromkeys(ids))
        return {commit["id"]: commit for commit in found}

    async def branches(self) -> list[dict[str, Any]]:
        """Return every branch by name, each with its newest commit."""
        default = await self.default_branch()
        refs = {
            name.removeprefix("refs/heads/"): sha
            for name, sha in (await self.git.refs()).items()
            if name.startswith("refs/heads/")
        }
        commits = await self.commits_by_id(list(refs.values()))
        return [
            {
                "name": name,
                "commit": commits[sha],
                "merged": False,
                "protected": name == default,
                "developers_can_push": False,
                "developers_can_merge": False,
                "can_push": True,
                "default": name == default,
                "web_url": f"{self.web_url}/-/tree/{name}",
            }
            for name, sha in sorted(refs.items())
        ]

    async def default_branch(self) -> str:
        """Return the name of the branch that HEAD names."""
        return (await self.git.text("symbolic-ref", "--short", "HEAD")).strip()

    async def tags(self) -> list[dict[str, Any]]:
        """Return every tag, last made first."""
        fields = UNIT.join(
            ("%(refname:strip=2)", "%(objectname)", "%(*objectname)", "%(creatordate:iso-strict)", "%(contents)")
        )
        output = await self.git.text("for-each-ref", "--sort=-creatordate", f"--format={fields}{RECORD}", "refs/tags")
        rows = [record.lstrip("\n").split(UNIT) for record in output.split(RECORD) if record.strip()]
        commits = await self.commits_by_id([peeled or sha for _, sha, peeled, _, _ in rows])
        return [
            {
                "name": name,
                "message": contents.strip() if peeled else "",
                "target": sha,
                "commit": commits[peeled or sha],
                "release": None,
                "protected": False,
                "created_at": created if peeled else None,
            }
            for name, sha, peeled, created, contents in rows
        ]

    async def refs_containing(self, revision: str, kind: str) -> list[dict[str, str]]:
        """Return the branches and tags (`kind`: all, branch, tag) that contain a commit."""
        sha = await self.commit_id(revision)
        folders = {"branch": "refs/heads", "tag": "refs/tags"}
        found = []
        for word, folder in folders.items():
            if kind in (word, "all"):
                names = await self.git.text("for-each-ref", f"--contains={sha}", "--format=%(refname:strip=2)", folder)
                found += [{"type": word, "name": name} for name in names.splitlines()]
        return found

    async def compare(self, old: str, new: str, *, straight: bool) -> dict[str, Any]:
        """Return the commits and diffs that `new` has and `old` has not."""
        first, last = await self.commit_id(old), await self.commit_id(new)
        base = first
        if not straight:
            try:
                base = (await self.git.text("merge-base", first, last)).strip()
            except GitError:
                raise ApiError(400, {"message": "400 Bad request - No merge base found"}) from None
        commits = await self.commits(f"--max-count={COMPARE_LIMIT}", "--reverse", f"{base}..{last}")
        return {
            "commit": commits[-1] if commits else None,
            "commits": commits,
            "diffs": await self.diff(base, last),
            "compare_timeout": False,
            "compare_same_ref": first == last,
            "web_url": f"{self.web_url}/-/compare/{first}...{last}",
        }

    async def commit_diff(self, revision: str) -> list[dict[str, Any]]:
        """Return what a commit changed against its first parent (or against nothing)."""
        commit = await self.commit(revision)
        return await self.diff(*(commit["parent_ids"][:1] or ["--root"]), commit["id"])

    async def diff(self, *trees: str) -> list[dict[str, Any]]:
        """Return the changed files between two trees with their unified diffs."""
        output = await self.git.text("diff-tree", "-r", "-M", "--no-commit-id", "--patch", "--full-index", *trees)
        return [_file_diff(part) for part in re.split(r"^diff --git ", output, flags=re.MULTILINE)[1:DIFF_LIMIT]]

    async def changed_paths(self, sha: str) -> dict[str, list[str]]:
        """Return the paths that a commit added, modified and removed, as a push event lists them."""
        output = await self.git.text("diff-tree", "-r", "-z", "--root", "--no-commit-id", "--name-status", "-m", sha)
        fields = output.split("\0")[:-1]
        found: dict[str, list[str]] = {"added": [], "modified": [], "removed": []}
        for status, path in zip(fields[::2], fields[1::2], strict=True):
            found[{"A": "added", "D": "removed"}.get(status, "modified")].append(path)
        return found

    async def tree(self, revision: str, path: str, *, recursive: bool) -> list[dict[str, str]]:
        """Return the entries of a folder, or answer 404."""
        if await self.git.find_commit(revision) is None:
            raise not_found("Tree")
        folder = path.strip("/")
        options = ["-r", "-t"] if recursive else []
        try:
            output = await self.git.text("ls-tree", "-z", *options, f"{revision}:{folder}")
        except GitError:
            raise ApiError(404, {"message": "404 invalid revision or path Not Found"}) from None
        entries = []
        for line in output.split("\0")[:-1]:
            mode, kind, rest = line.split(" ", 2)
            sha, name = rest.split("\t", 1)
            full = f"{folder}/{name}" if folder else name
            entries.append({"id": sha, "name": full.rsplit("/", 1)[-1], "type": kind, "path": full, "mode": mode})
        return sorted(entries, key=lambda entry: entry["type"] != "tree")

    async def file(self, revision: str, path: str) -> tuple[dict[str, Any], bytes]:
        """Return a file's description and content, or answer 404."""
        sha = await self.git.find_commit(revision)
        if sha is None:
            raise not_found("Commit")
        content = None
        with contextlib.suppress(GitError, ValueError):
            blob, size = (await self.git.text("rev-parse", "--verify", f"{sha}:{path}")).strip(), 0
            size = int(await self.git.text("cat-file", "-s", blob))
            if size <= BLOB_LIMIT:
                content = await self.git.run("cat-file", "blob", blob)
        if content is None:
            raise not_found("File")
        last = await self.git.text("log", "-1", "--format=%H", sha, "--", path)
        mode = (await self.git.text("ls-tree", sha, "--", path)).split(" ", 1)[0]
        description = {
            "file_name": path.rsplit("/", 1)[-1],
            "file_path": path,
            "size": size,
            "encoding": "base64",
            "content": base64.b64encode(content).decode(),
            "content_sha256": hashlib.sha256(content).hexdigest(),
            "ref": revision,
            "blob_id": blob,
            "commit_id": sha,
            "last_commit_id": last.strip(),
            "execute_filemode": mode == "100755",
        }
        return description, content


def _file_diff(part: str) -> dict[str, Any]:
    """Read one file's part of `git diff-tree --patch` (without its leading `diff --git `)."""
    head, separator, body = part.partition("\n@@")
    lines = head.splitlines()
    old, new = re.fullmatch(r'"?a/(.*?)"? "?b/(.*?)"?', lines[0]).groups()  # type: ignore[union-attr]
    for line in lines[1:]:
        for word, side in (("rename from ", "old"), ("rename to ", "new")):
            if line.startswith(word):
                old, new = (line[len(word) :], new) if side == "old" else (old, line[len(word) :])
    modes = dict(re.findall(r"^(old mode|new mode|new file mode|deleted file mode) (\d+)", head, re.MULTILINE))
    index = re.search(r"^index \S+ (\d+)$", head, re.MULTILINE)
    unchanged = index.group(1) if index else "100644"
    return {
        "old_path": old,
        "new_path": new,
        "a_mode": "0" if "new file mode" in modes else modes.get("old mode", modes.get("deleted file mode", unchanged)),
        "b_mode": "0" if "deleted file mode" in modes else modes.get("new mode", modes.get("new file mode", unchanged)),
        "diff": f"@@{body}" if separator else "",
        "new_file": "new file mode" in modes,
        "renamed_file": old != new,
        "deleted_file": "deleted file mode" in modes,
        "generated_file": False,
    }
