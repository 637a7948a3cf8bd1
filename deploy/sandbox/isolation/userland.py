"""What a root borrows from the machine, and what is made for it: the mounts of one process, done from inside its mount namespace.

Every path inside the root is resolved against the root (`inside`), never against the machine: an image may hold any symbolic link.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from . import kernel
from .spec import FIRST_UID, Mode, Spec

_SHARED_FOLDERS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_SHARED_ETC = ("alternatives", "ca-certificates", "ld.so.cache", "localtime", "mime.types", "nsswitch.conf", "ssl")
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_LINKS = {"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"}
_MOST_LINKS = 40
PYTHON_FOLDER = "/opt/python"


def inside(root: str, path: str) -> str:
    """Return where `path` of a container lies on the machine, following symbolic links as the container would see them.

    Raises:
        OSError: too many symbolic links.
    """
    left = [part for part in path.split("/") if part not in ("", ".")]
    done: list[str] = []
    links = 0
    while left:
        part = left.pop(0)
        if part == "..":
            done[-1:] = []
            continue
        here = os.path.join(root, *done, part)  # noqa: PTH118 - str in, str out
        if os.path.islink(here):  # noqa: PTH114
            links += 1
            if links > _MOST_LINKS:
                raise OSError(f"too many symbolic links in {path}")
            target = os.readlink(here)  # noqa: PTH115
            if target.startswith("/"):
                done = []
            left = [p for p in target.split("/") if p not in ("", ".")] + left
        else:
            done.append(part)
    return os.path.join(root, *done)  # noqa: PTH118


def mount_point(root: str, path: str, *, folder: bool) -> str:
    """Return the place of `path` on the machine, made as an empty folder or file where nothing is there."""
    place = Path(inside(root, path))
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        if folder:
            place.mkdir()
        else:
            place.touch()
    return str(place)


def bind(root: str, source: str, target: str, *, read_only: bool) -> None:
    """Let `source` of the machine appear at `target` of the container."""
    place = mount_point(root, target, folder=Path(source).is_dir())
    kernel.mount(source, place, None, kernel.MS_BIND | kernel.MS_REC)
    if read_only:
        kernel.make_read_only(place)


def python_prefix() -> str:
    """Return the folder of the Python that runs us (of the base installation, not of a virtual environment)."""
    return str(Path(sys.base_prefix).resolve())


def mount_everything(spec: Spec) -> None:
    """Mount all that the container sees into its root, which is a mount point of its own already."""
    if spec.userland:
        _borrow(spec.root)
    _mount_proc(spec.root)
    etc = _mount_dev(spec.root)
    _mount_etc(spec, etc)
    tmp = Path(mount_point(spec.root, "/tmp", folder=True))  # noqa: S108
    with contextlib.suppress(OSError):
        tmp.chmod(0o1777)
    for entry in spec.binds:
        bind(spec.root, entry.source, entry.target, read_only=entry.read_only)
    if spec.read_only_root:
        kernel.make_read_only(spec.root)


def _borrow(root: str) -> None:
    for name in _SHARED_FOLDERS:
        path = Path(name)
        if path.is_symlink():  # merged /usr: the link is enough
            link = Path(root + name)
            if not link.exists() and not link.is_symlink():
                link.symlink_to(path.readlink())
        elif path.is_dir():
            bind(root, name, name, read_only=True)
    for name in _SHARED_ETC:
        if Path("/etc", name).exists():
            bind(root, str(Path("/etc", name).resolve()), f"/etc/{name}", read_only=True)
    prefix = python_prefix()
    bind(root, prefix, PYTHON_FOLDER, read_only=True)
    if not prefix.startswith("/usr"):  # its libpython may be linked by the path it was built for
        bind(root, prefix, prefix, read_only=True)


def _mount_proc(root: str) -> None:
    place = mount_point(root, "/proc", folder=True)
    try:
        kernel.mount("proc", place, "proc", kernel.MS_NOSUID | kernel.MS_NODEV | kernel.MS_NOEXEC)
    except (
        OSError
    ):  # inside a container whose /proc is masked a fresh one is refused; the machine's own is better than none
        kernel.mount("/proc", place, None, kernel.MS_BIND | kernel.MS_REC)


def _mount_dev(root: str) -> Path:
    """Mount a small /dev and return a folder in it for the generated files of /etc."""
    place = mount_point(root, "/dev", folder=True)
    kernel.mount("tmpfs", place, "tmpfs", kernel.MS_NOSUID, "mode=755,size=64m")
    dev = Path(place)
    for name in _DEVICES:
        if Path("/dev", name).exists():
            (dev / name).touch()
            kernel.mount(f"/dev/{name}", str(dev / name), None, kernel.MS_BIND)
    for name, target in _LINKS.items():
        (dev / name).symlink_to(target)
    (dev / "shm").mkdir(mode=0o777)
    (dev / "shm").chmod(0o1777)
    (dev / "pts").mkdir()
    with contextlib.suppress(OSError):  # only interactive programs miss it
        kernel.mount("devpts", str(dev / "pts"), "devpts", kernel.MS_NOSUID, "newinstance,ptmxmode=0666,mode=0620")
        (dev / "ptmx").symlink_to("pts/ptmx")
    etc = dev / ".etc"
    etc.mkdir()
    return etc


def _mount_etc(spec: Spec, folder: Path) -> None:
    hosts = {"localhost": "127.0.0.1", spec.hostname: "127.0.0.1", **spec.hosts}
    files = {
        "hosts": "".join(f"{address}\t{name}\n" for name, address in hosts.items()) + "::1\tlocalhost ip6-localhost\n",
        "hostname": f"{spec.hostname}\n",
        "resolv.conf": _text("/etc/resolv.conf"),
        "passwd": _accounts(spec, "passwd", "{name}:x:{id}:{id}:{name}:/root:/bin/sh"),
        "group": _accounts(spec, "group", "{name}:x:{id}:"),
    }
    for name, text in files.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o644)
        bind(spec.root, str(folder / name), f"/etc/{name}", read_only=True)


def _accounts(spec: Spec, name: str, line: str) -> str:
    """Return the image's accounts, under the machine's ids where no user namespace translates them."""
    text = _text(inside(spec.root, f"/etc/{name}")) or "root:x:0:0:root:/root:/bin/sh\n"
    fields = [entry.split(":") for entry in text.splitlines() if entry.count(":") >= 2]
    shift = FIRST_UID if spec.mode is Mode.ROOT else 0
    lines = ["root:x:0:0:root:/root:/bin/sh"] if shift and name == "passwd" else []
    for entry in fields:
        for position in (2, 3) if name == "passwd" else (2,):
            if len(entry) > position and entry[position].isdigit():
                entry[position] = str(int(entry[position]) + shift)
        lines.append(":".join(entry))
    wanted = str((spec.uid if name == "passwd" else spec.gid) + shift)
    if all(entry[2] != wanted for entry in fields):
        lines.append(line.format(name=f"user{wanted}", id=wanted))
    return "\n".join(lines) + "\n"


def _text(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""
