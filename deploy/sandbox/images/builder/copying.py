"""COPY and ADD: which files of the context or of another stage go where, and what they are made of.

https://docs.docker.com/reference/dockerfile/#copy
"""

from __future__ import annotations

import hashlib
import os
import posixpath
import re
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from deploy.sandbox.images.oci import EPOCH
from deploy.sandbox.isolation import own
from deploy.sandbox.isolation.userland import inside

from .errors import BuildError
from .ignore import Ignore, translate

_WILDCARD = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Source:
    """Where files come from. A context has patterns to leave out and modes that depend on the checkout's umask."""

    root: Path
    ignore: Ignore | None = None

    @property
    def is_context(self) -> bool:
        """Return whether this is the build context (and not another stage)."""
        return self.ignore is not None


@dataclass(frozen=True)
class Copied:
    """One file, folder or link to be made at `target` (an absolute path of the image)."""

    place: Path
    target: str
    mode: int


def plan(source: Source, patterns: list[str], destination: str, working_folder: str) -> list[Copied]:
    """Return what a COPY makes, in order.

    Raises:
        BuildError: a source is missing or outside the context, or several go to something that is no folder.
    """
    into_folder = destination.endswith("/") or destination in (".", "..")
    target = posixpath.normpath(posixpath.join(working_folder, destination))
    found = [path for pattern in patterns for path in _matching(source, pattern)]
    if (len(found) > 1 or len(patterns) > 1) and not into_folder:
        raise BuildError(
            "when using COPY with more than one source file, the destination must be a directory and end with a /"
        )
    copied: list[Copied] = []
    for path in found:
        place = _place(source, path)
        if place.is_dir() and not place.is_symlink():
            copied += _tree(source, path, place, target)
        else:
            name = posixpath.join(target, posixpath.basename(path)) if into_folder else target
            copied.append(Copied(place, name, _mode(source, place)))
    return copied


def fingerprint(copied: list[Copied]) -> str:
    """Return a hash of what is copied where: names, modes, contents."""
    digest = hashlib.sha256()
    for item in sorted(copied, key=lambda item: item.target):
        digest.update(f"{item.target}\0{item.mode:o}\0".encode())
        if item.place.is_symlink():
            digest.update(str(item.place.readlink()).encode())
        elif item.place.is_file():
            with item.place.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def perform(copied: list[Copied], root: Path, mode: int | None) -> None:
    """Make the files in an unpacked root; `mode` is COPY's --chmod."""
    for item in copied:
        target = Path(inside(str(root), posixpath.dirname(item.target))) / posixpath.basename(item.target)
        _make_parents(target.parent)
        _copy_one(item, target, mode)


def make_folder(root: Path, path: str) -> None:
    """Make a folder of the image, and those above it, where it is missing (WORKDIR does)."""
    _make_parents(Path(inside(str(root), path)))


def _copy_one(item: Copied, target: Path, mode: int | None) -> None:
    if item.place.is_dir() and not item.place.is_symlink():
        if target.is_symlink() or not target.is_dir():
            target.unlink(missing_ok=True)
            target.mkdir()
            own(target)
        target.chmod(mode if mode is not None else item.mode)
        os.utime(target, (EPOCH, EPOCH))
        return
    if target.is_dir() and not target.is_symlink():
        raise BuildError(f"cannot replace the folder {item.target} by a file")
    target.unlink(missing_ok=True)
    if item.place.is_symlink():
        target.symlink_to(item.place.readlink())
    else:
        shutil.copyfile(item.place, target)
        target.chmod(mode if mode is not None else item.mode)
        os.utime(target, (EPOCH, EPOCH))
    if os.geteuid() == 0:
        own(target)


def _make_parents(folder: Path) -> None:
    if folder.is_dir():
        return
    _make_parents(folder.parent)
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    own(folder)


def _place(source: Source, path: str) -> Path:
    """Return where a path of the source lies; links are followed, but never out of the source."""
    return Path(inside(str(source.root), path))


def _matching(source: Source, pattern: str) -> list[str]:
    if source.is_context and pattern.startswith(("http://", "https://", "git@")):
        raise BuildError(f"{pattern}: the sandbox's builder copies files of the context only")
    # Both are rooted: a context's paths at the context, a stage's at its root; `..` cannot leave either.
    path = posixpath.normpath(posixpath.join("/", pattern)).lstrip("/")
    if not _WILDCARD.search(path):
        place = _place(source, path)
        hidden = source.ignore is not None and source.ignore.hides(path) and not place.is_dir()
        if hidden or not place.exists():
            where = "the build context" if source.is_context else "the stage"
            raise BuildError(f'"/{path}" not found in {where}')
        return [path]
    expression = re.compile(translate(path))
    depth = path.count("/")
    found = sorted(
        relative
        for relative in _names(source.root, depth)
        if expression.fullmatch(relative) and not (source.ignore and source.ignore.hides(relative))
    )
    if not found:
        raise BuildError(f'no file matches "{pattern}"')
    return found


def _names(root: Path, depth: int) -> list[str]:
    found = []
    for folder, folders, files in os.walk(root):
        here = Path(folder).relative_to(root)
        found += [(here / name).as_posix() for name in (*folders, *files)]
        if len(here.parts) >= depth:
            folders.clear()
    return found


def _tree(source: Source, path: str, place: Path, target: str) -> list[Copied]:
    """Return the content of a folder (COPY copies what is in it, not itself)."""
    copied = [] if target == "/" else [Copied(place, target, _mode(source, place))]
    for folder, folders, files in os.walk(place):
        folders.sort()
        for name in sorted((*folders, *files)):
            entry = Path(folder) / name
            relative = entry.relative_to(place).as_posix()
            hidden = source.ignore is not None and source.ignore.hides(posixpath.join(path, relative))
            plain = entry.is_symlink() or entry.is_dir() or entry.is_file()
            if plain and not (hidden and (entry.is_symlink() or not entry.is_dir())):
                copied.append(Copied(entry, posixpath.join(target, relative), _mode(source, entry)))
    return _without_empty_hidden(copied, source, path, place)


def _without_empty_hidden(copied: list[Copied], source: Source, path: str, place: Path) -> list[Copied]:
    """Leave out hidden folders in which nothing was taken back by a `!` pattern."""
    if source.ignore is None:
        return copied
    needed: set[Path] = set()
    for item in copied:
        relative = item.place.relative_to(place).as_posix()
        if item.place == place or not source.ignore.hides(posixpath.join(path, relative)):
            needed.add(item.place)
            needed.update(item.place.parents)
    return [item for item in copied if item.place in needed]


def _mode(source: Source, place: Path) -> int:
    """Return the mode of a copied file.

    Of a context's files only what git keeps counts, so that the umask of a checkout does not change a digest.
    """
    status = place.lstat()
    if not source.is_context:
        return stat.S_IMODE(status.st_mode)
    if stat.S_ISDIR(status.st_mode):
        return 0o755
    return 0o755 if status.st_mode & 0o111 else 0o644
