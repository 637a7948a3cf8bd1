"""Apply the layers of an image to a folder.

https://github.com/opencontainers/image-spec/blob/main/layer.md (whiteouts: `.wh.NAME` removes, `.wh..wh..opq` empties a folder)

Nothing in a layer can reach outside the folder: every path is resolved inside it, as a container would see it.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import shutil
import stat
import tarfile
from pathlib import Path
from typing import IO

from deploy.sandbox.isolation.spec import FIRST_UID
from deploy.sandbox.isolation.userland import inside

WHITEOUT = ".wh."
OPAQUE = ".wh..wh..opq"


class BadLayerError(Exception):
    """A layer that is no tar file, or whose content is not what the image says."""


class _Digesting:
    """A file that is hashed while it is read."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        chunk = self._stream.read(size)
        self.digest.update(chunk)
        return chunk


def unpack_layer(layer: Path, root: Path, diff_id: str | None = None) -> None:
    """Apply one layer (a tar file, plain or gzip) to `root`.

    Where we are root, its files belong to the container's users afterwards (see `deploy.sandbox.isolation`).

    Raises:
        BadLayerError: it cannot be read, or its uncompressed bytes do not hash to `diff_id` ("sha256:…").
    """
    with layer.open("rb") as raw:
        compressed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        stream = _Digesting(gzip.GzipFile(fileobj=raw) if compressed else raw)  # type: ignore[arg-type]
        try:
            with tarfile.open(fileobj=stream, mode="r|") as archive:  # type: ignore[call-overload]
                _extract(archive, root)
            while stream.read(1 << 20):
                pass  # what follows the end mark counts for the digest, too
        except (tarfile.TarError, EOFError, gzip.BadGzipFile) as exc:
            raise BadLayerError(f"cannot read layer: {exc}") from exc
    found = f"sha256:{stream.digest.hexdigest()}"
    if diff_id is not None and found != diff_id:
        raise BadLayerError(f"layer content is {found}, the image says {diff_id}")


def _extract(archive: tarfile.TarFile, root: Path) -> None:
    here: set[str] = set()  # of this layer: an opaque mark hides only what came before
    for member in archive:
        name = os.path.normpath("/" + member.name)
        folder, base = os.path.split(name)
        parent = Path(inside(str(root), folder))
        if base == OPAQUE:
            _empty(parent, here)
            continue
        if base.startswith(WHITEOUT):
            _remove(parent / base.removeprefix(WHITEOUT))
            continue
        _make_parents(parent, root)
        target = parent / base if base else root
        _place(archive, member, target, root)
        here.add(str(target))


def _make_parents(parent: Path, root: Path) -> None:
    if parent.is_dir():
        return
    if parent != root:
        _make_parents(parent.parent, root)
    if parent.exists() or parent.is_symlink():
        _remove(parent)
    parent.mkdir(mode=0o755)
    if os.geteuid() == 0:
        os.chown(parent, FIRST_UID, FIRST_UID)


def _place(archive: tarfile.TarFile, member: tarfile.TarInfo, target: Path, root: Path) -> None:
    if target != root and (target.is_symlink() or (target.exists() and not (target.is_dir() and member.isdir()))):
        _remove(target)
    if member.isdir():
        target.mkdir(exist_ok=True)
    elif member.issym():
        target.symlink_to(member.linkname)
    elif member.islnk():
        folder, base = os.path.split(os.path.normpath("/" + member.linkname))
        source = Path(inside(str(root), folder)) / base
        os.link(source, target, follow_symlinks=False)
        return  # the owner and the mode are the first name's
    elif member.isreg():
        content = archive.extractfile(member)
        assert content is not None
        with target.open("wb") as stream:
            shutil.copyfileobj(content, stream, 1 << 20)
    else:
        return  # devices are the runtime's matter
    _own(target, member)


def _own(target: Path, member: tarfile.TarInfo) -> None:
    if os.geteuid() == 0:
        os.chown(target, FIRST_UID + member.uid, FIRST_UID + member.gid, follow_symlinks=False)
    if not member.issym():
        mode = stat.S_IMODE(member.mode)
        if os.geteuid() != 0:
            mode |= (
                stat.S_IRUSR | stat.S_IWUSR | (stat.S_IXUSR if member.isdir() else 0)
            )  # else we cannot remove it again
        target.chmod(mode)
        with contextlib.suppress(OSError, OverflowError):
            os.utime(target, (member.mtime, member.mtime))


def _empty(folder: Path, kept: set[str]) -> None:
    if not folder.is_dir():
        return
    for entry in folder.iterdir():
        if not any(name == str(entry) or name.startswith(f"{entry}/") for name in kept):
            _remove(entry)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()


def copy_command(source: Path, target: Path) -> list[str]:
    """Return the command that copies an unpacked root with its owners, modes, times and links."""
    return ["cp", "-a", f"{source}/.", str(target)]
