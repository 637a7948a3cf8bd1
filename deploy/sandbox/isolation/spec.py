"""What to run and where: plain data that can cross to the launcher as JSON."""

from __future__ import annotations

import enum
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

FIRST_UID = 100_000  # where we are root, the container's uid 0; far away from the machine's own accounts
DEFAULT_PATH = "/opt/python/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# Made in the root before the start when they are missing; none of them is the image's own content.
MOUNT_POINTS = (
    "/bin", "/dev", "/etc/alternatives", "/etc/ca-certificates", "/etc/group", "/etc/hostname", "/etc/hosts",
    "/etc/ld.so.cache", "/etc/localtime", "/etc/mime.types", "/etc/nsswitch.conf", "/etc/passwd", "/etc/resolv.conf",
    "/etc/ssl", "/lib", "/lib32", "/lib64", "/libx32", "/opt/python", "/proc", "/sbin", "/tmp", "/usr",  # noqa: S108
)  # fmt: skip


class Mode(enum.StrEnum):
    """How a process is kept apart from the machine."""

    ROOT = "root"
    USER = "user"
    NONE = "none"


@dataclass(frozen=True)
class Bind:
    """A file or folder of the machine that appears at `target`."""

    source: str
    target: str
    read_only: bool = False


@dataclass
class Spec:
    """One process in one root. `uid` and `gid` are the container's."""

    root: str
    argv: list[str]
    env: dict[str, str] = field(default_factory=dict)
    cwd: str = "/"
    uid: int = 0
    gid: int = 0
    hostname: str = "sandbox"
    binds: list[Bind] = field(default_factory=list)
    read_only_root: bool = False
    userland: bool = True  # borrow the host's /usr and the Python that runs us
    new_network: bool = False  # an own, empty network namespace; else the caller's
    new_user: bool = True  # in Mode.USER: make the user namespace here; False where the caller is already inside one
    terminal: bool = False  # standard input is a terminal that becomes the controlling one
    hosts: dict[str, str] = field(default_factory=dict)  # more lines for /etc/hosts: name -> address
    mode: Mode = Mode.NONE

    def to_json(self) -> bytes:
        """Return the specification as JSON."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, text: bytes | str) -> Spec:
        """Return the specification written by `to_json`."""
        content: dict[str, Any] = json.loads(text)
        content["binds"] = [Bind(**bind) for bind in content.get("binds", [])]
        content["mode"] = Mode(content.get("mode", Mode.NONE))
        return cls(**content)


def real_uid(container_id: int) -> int:
    """Return the machine's uid (or gid) that stands for a container's, for a process or file we make now."""
    return FIRST_UID + container_id if os.geteuid() == 0 else os.geteuid()


def own(path: Path | str, container_uid: int = 0, container_gid: int | None = None) -> None:
    """Make the container's user the owner of a file or a whole folder. Nothing to do where we are not root."""
    if os.geteuid() != 0:
        return
    uid = FIRST_UID + container_uid
    gid = FIRST_UID + (container_uid if container_gid is None else container_gid)
    os.chown(path, uid, gid, follow_symlinks=False)
    if os.path.isdir(path) and not os.path.islink(path):  # noqa: PTH112, PTH114 - one test for str and Path
        for folder, folders, files in os.walk(path):
            for name in (*folders, *files):
                os.chown(os.path.join(folder, name), uid, gid, follow_symlinks=False)  # noqa: PTH118 - hot loop
