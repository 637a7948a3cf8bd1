"""Start a process inside an unpacked root file system, as isolated as this machine allows.

    spec = Spec(root="/state/root", argv=["python3", "-m", "http.server"], env={"PATH": DEFAULT_PATH}, binds=[Bind(src, "/data")])
    process = await spawn(spec, stdout=PIPE)          # an asyncio subprocess; its exit code is the command's (128+n by a signal)

What the process sees: the root folder (writable), the host's `/usr` (and what belongs to it: `/bin`, `/lib*`, `/sbin`,
certificates, `ld.so.cache`) read-only, the Python that runs us at `/opt/python` read-only, a `/proc`, a small `/dev`, its own
`/etc/hosts`, `resolv.conf`, `passwd` and `group`, and the given binds. `MOUNT_POINTS` are the paths that are made in the root
for that; whoever turns a root into a layer leaves them out.

What it may do: it runs without capabilities that reach the machine, with `no_new_privs`, and never as the machine's root. Where
we are root, the container's uid N is the machine's uid 100000+N; call `own(path)` on files that its root shall own. Where we are
not, container users all map to our own uid in a user namespace.

`probe()` finds out once, by really trying, which of the three modes works:

- `Mode.ROOT`: we are root and may make mount namespaces (also inside a plain chroot);
- `Mode.USER`: an ordinary user with user namespaces;
- `Mode.NONE`: neither. The process runs as ourselves in the unpacked root with relative paths: no isolation.

Pure Python and ctypes; no setuid helper and no `unshare` binary is needed.
"""

from .probe import Capability, probe
from .spawn import PIPE, run, spawn
from .spec import DEFAULT_PATH, MOUNT_POINTS, Bind, Mode, Spec, own, real_uid

__all__ = [
    "DEFAULT_PATH",
    "MOUNT_POINTS",
    "PIPE",
    "Bind",
    "Capability",
    "Mode",
    "Spec",
    "own",
    "probe",
    "real_uid",
    "run",
    "spawn",
]
