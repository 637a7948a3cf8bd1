"""Turn the sample folders into repositories, by `git fast-import`: the same commit ids on every machine.

https://git-scm.com/docs/git-fast-import
"""

from __future__ import annotations

import datetime as dt
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from deploy.sandbox.gitlab.git import Git

if TYPE_CHECKING:
    from deploy.sandbox.gitlab.accounts import Group
    from deploy.sandbox.gitlab.site import Site

FOLDER = Path(__file__).parent
IGNORED = {"__pycache__", ".ruff_cache", ".mypy_cache", ".pytest_cache"}


class Commit(msgspec.Struct, forbid_unknown_fields=True):
    """One commit of a history: `folder` has the files that it changes."""

    folder: str
    author: str
    date: dt.datetime
    message: str
    branch: str = "main"
    parent: str | None = None  # folder of another commit; the branch's last one where nothing is said
    tags: list[str] = []
    remove: list[str] = []


class History(msgspec.Struct, forbid_unknown_fields=True):
    """One sample project."""

    name: str
    description: str
    commits: list[Commit]


def read_history(project: Path) -> History:
    """Return the history of the sample in this folder."""
    content = tomllib.loads((project / "history.toml").read_text(encoding="utf-8"))
    return msgspec.convert(content, History)


def sample_folders() -> list[Path]:
    """Return the folders of all samples by name."""
    return sorted(path.parent for path in FOLDER.glob("*/history.toml"))


def render_stream(project: Path, history: History) -> bytes:
    """Return the history as input for `git fast-import`."""
    stream = bytearray(b"feature done\n")
    marks: dict[str, int] = {}
    tips: dict[str, int] = {}
    for mark, commit in enumerate(history.commits, start=1):
        who = f"{commit.author} {_timestamp(commit.date)}"
        stream += f"commit refs/heads/{commit.branch}\nmark :{mark}\nauthor {who}\ncommitter {who}\n".encode()
        stream += _blob(commit.message.strip().encode() + b"\n")
        parent = marks[commit.parent] if commit.parent else tips.get(commit.branch)
        if parent is not None:
            stream += f"from :{parent}\n".encode()
        for path in commit.remove:
            stream += f"D {path}\n".encode()
        for path, content, mode in _files(project / commit.folder):
            stream += f"M {mode} inline {path}\n".encode() + _blob(content)
        for tag in commit.tags:
            message = _blob(f"Release {tag}\n".encode())
            stream += f"tag {tag}\nfrom :{mark}\ntagger {who}\n".encode() + message
        marks[commit.folder] = tips[commit.branch] = mark
    return bytes(stream + b"done\n")


def _timestamp(moment: dt.datetime) -> str:
    return f"{int(moment.timestamp())} {moment.strftime('%z')}"


def _blob(content: bytes) -> bytes:
    return b"data %d\n%b\n" % (len(content), content)


def _files(folder: Path) -> list[tuple[str, bytes, str]]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and IGNORED.isdisjoint(path.parts))
    # The mode is decided by the content: a checkout on a file system without modes must give the same ids.
    return [(path.relative_to(folder).as_posix(), *_content(path)) for path in paths]


def _content(path: Path) -> tuple[bytes, str]:
    content = path.read_bytes().replace(b"\r\n", b"\n")
    return content, "100755" if content.startswith(b"#!") else "100644"


async def import_sample(git: Git, project: Path) -> None:
    """Fill an empty repository with the history of one sample."""
    await git.run("fast-import", "--quiet", "--done", stdin=render_stream(project, read_history(project)))


async def import_samples(site: Site, group: Group) -> None:
    """Make the sample projects that are not there yet; what somebody pushed to the others is left alone."""
    for project_folder in sample_folders():
        path = f"{group.path}/{project_folder.name}"
        project = site.accounts.find_project(path)
        if project is not None:
            continue
        history = read_history(project_folder)
        project = await site.create_project(group, project_folder.name, history.name, description=history.description)
        await import_sample(site.git(project), project_folder)
        site.accounts.save()  # only now: a kill before this line makes the next start begin this project anew
