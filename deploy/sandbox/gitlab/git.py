"""Run git in one bare repository, without blocking and without anybody's configuration."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

# The user's own configuration must not change what the sandbox answers, and a repository restored by another
# user (a container's root, for one) must still open.
ENVIRONMENT = {
    "PATH": os.environ.get("PATH", os.defpath),
    "LC_ALL": "C.UTF-8",
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_CONFIG_COUNT": "4",
    "GIT_CONFIG_KEY_0": "safe.directory",
    "GIT_CONFIG_VALUE_0": "*",
    "GIT_CONFIG_KEY_1": "gc.auto",
    "GIT_CONFIG_VALUE_1": "0",
    "GIT_CONFIG_KEY_2": "receive.autogc",
    "GIT_CONFIG_VALUE_2": "false",
    "GIT_CONFIG_KEY_3": "uploadpack.allowAnySHA1InWant",
    "GIT_CONFIG_VALUE_3": "true",
}


class GitError(Exception):
    """Git ended with a code other than 0."""

    def __init__(self, arguments: tuple[str, ...], code: int, stderr: str) -> None:
        super().__init__(f"git {' '.join(arguments)} ended with {code}: {stderr.strip()}")
        self.code = code
        self.stderr = stderr


class Git:
    """One bare repository. `writing` is held by whoever moves refs, so that before and after can be compared."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.writing = asyncio.Lock()

    async def start(
        self, *arguments: str, environment: dict[str, str] | None = None, stderr: int | None = None
    ) -> asyncio.subprocess.Process:
        """Start git with pipes; the caller ends it."""
        return await asyncio.create_subprocess_exec(
            "git", "--git-dir", str(self.folder), *arguments, env={**ENVIRONMENT, **(environment or {})},
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=stderr,
        )  # fmt: skip

    async def run(self, *arguments: str, stdin: bytes = b"", environment: dict[str, str] | None = None) -> bytes:
        """Return what git printed.

        Raises:
            GitError: git refused.
        """
        process = await self.start(*arguments, environment=environment, stderr=asyncio.subprocess.PIPE)
        try:
            output, errors = await process.communicate(stdin)
        except asyncio.CancelledError:
            await end(process)
            raise
        if process.returncode:
            raise GitError(arguments, process.returncode, errors.decode(errors="replace"))
        return output

    async def text(self, *arguments: str, environment: dict[str, str] | None = None) -> str:
        """Return what git printed as text, bytes that are no UTF-8 replaced."""
        return (await self.run(*arguments, environment=environment)).decode(errors="replace")

    async def refs(self) -> dict[str, str]:
        """Return every branch and tag with the object it names."""
        lines = await self.text("for-each-ref", "--format=%(objectname) %(refname)", "refs/heads", "refs/tags")
        pairs = (line.split(" ", 1) for line in lines.splitlines())
        return {name: sha for sha, name in pairs}

    async def find_commit(self, revision: str) -> str | None:
        """Return the id of the commit that a branch, tag or id names, or None."""
        if not revision or revision.startswith("-"):
            return None
        try:
            found = await self.text("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        except GitError:
            return None
        return found.strip()


async def end(process: asyncio.subprocess.Process) -> None:
    """Kill a process that is no longer wanted and reap it."""
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    await process.wait()


async def create(folder: Path, default_branch: str) -> Git:
    """Make an empty bare repository and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    git = Git(folder)
    await git.run("init", "--quiet", "--bare", f"--initial-branch={default_branch}")
    return git
