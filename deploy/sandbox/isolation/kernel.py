"""The few system calls that Python 3.11 lacks, through ctypes.

https://man7.org/linux/man-pages/man2/clone.2.html, mount.2, pivot_root.2, setns.2, prctl.2, capabilities.7
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import platform
import socket
import struct

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
SIGCHLD = 17

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_MOVE, MS_REC, MS_PRIVATE = 4096, 8192, 16384, 1 << 18
MS_NOATIME, MS_NODIRATIME, MS_RELATIME = 1024, 2048, 1 << 21
MNT_DETACH = 2
# What statvfs reports (ST_...) and what mount(2) wants are the same bits but for relatime.
_KEPT_FLAGS = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME
_ST_RELATIME = 4096

PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 24, 36, 38
# CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL, SETGID, SETUID, SETPCAP, NET_BIND_SERVICE: what containers keep, and no more.
KEPT_CAPABILITIES = frozenset({0, 1, 3, 4, 5, 6, 7, 8, 10})

_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_CLONE = {"x86_64": 56, "aarch64": 220}

_libc = ctypes.CDLL(None, use_errno=True)
_python = ctypes.PyDLL(None, use_errno=True)  # keeps the GIL while it calls


def _check(result: int, what: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """Leave the given namespaces for new ones."""
    _check(_libc.unshare(flags), "unshare")


def setns(fd: int, kind: int = 0) -> None:
    """Enter the namespace behind an open file of /proc/PID/ns."""
    _check(_libc.setns(fd, kind), "setns")


def mount(source: str | None, target: str, kind: str | None = None, flags: int = 0, options: str | None = None) -> None:
    """Mount something (mount(2))."""
    raw = [None if value is None else os.fsencode(value) for value in (source, target, kind, options)]
    _check(_libc.mount(raw[0], raw[1], raw[2], ctypes.c_ulong(flags), raw[3]), f"mount {target}")


def make_read_only(target: str) -> None:
    """Remount a bind mount read-only, keeping the flags that a user namespace may not clear."""
    now = os.statvfs(target).f_flag
    flags = now & _KEPT_FLAGS | (MS_RELATIME if now & _ST_RELATIME else 0)
    mount(None, target, None, MS_BIND | MS_REMOUNT | MS_RDONLY | flags)


def pivot_into_current_folder() -> None:
    """Make the current folder (a mount point) the root and detach the old root."""
    number = _PIVOT_ROOT.get(platform.machine())
    if number is None:
        raise OSError(errno.ENOSYS, "pivot_root: unknown machine")
    _check(_libc.syscall(number, b".", b"."), "pivot_root")
    _check(_libc.umount2(b".", MNT_DETACH), "umount2")


def fork_into(flags: int) -> int:
    """Fork, with the child in new namespaces, and return as `os.fork` does.

    unshare(2) cannot make a process id namespace for every second child, clone(2) can. Python's own hooks are run around it,
    so that the child is as sound as after `os.fork`. Call it only from a process with one thread.
    """
    number = _CLONE.get(platform.machine())
    if number is None:
        raise OSError(errno.ENOSYS, "clone: unknown machine")
    _python.PyOS_BeforeFork()
    pid = _python.syscall(number, ctypes.c_ulong(flags | SIGCHLD), None, None, None, None)
    number = ctypes.get_errno()
    if pid == 0:
        _python.PyOS_AfterFork_Child()
    else:
        _python.PyOS_AfterFork_Parent()
    if pid < 0:
        raise OSError(number, f"clone: {os.strerror(number)}")
    return int(pid)


def prctl(option: int, value: int) -> None:
    """Change a property of this process (prctl(2), with one argument)."""
    _check(_libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0), f"prctl {option}")


def bound_capabilities() -> None:
    """Take from this process and all it starts every capability that a container does not need."""
    for number in range(64):
        if number not in KEPT_CAPABILITIES and _libc.prctl(PR_CAPBSET_DROP, ctypes.c_ulong(number), 0, 0, 0) < 0:
            break  # beyond the last capability of this kernel


def map_user(inside_uid: int, inside_gid: int, outside_uid: int, outside_gid: int) -> None:
    """Map one user and one group of the user namespace that this process has just entered."""
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{inside_uid} {outside_uid} 1"),
        ("gid_map", f"{inside_gid} {outside_gid} 1"),
    ):
        fd = os.open(f"/proc/self/{name}", os.O_WRONLY)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)


def set_hostname(name: str) -> None:
    """Set the host name of this UTS namespace."""
    encoded = os.fsencode(name[:63])
    _check(_libc.sethostname(encoded, len(encoded)), "sethostname")


def bring_loopback_up(*addresses: str) -> None:
    """Bring the loopback interface of this network namespace up and give it more addresses.

    https://man7.org/linux/man-pages/man7/netdevice.7.html
    """
    set_flags, set_address, up = 0x8914, 0x8916, 0x1 | 0x40
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, set_flags, struct.pack("16sh14x", b"lo", up))
        for number, address in enumerate(addresses, start=1):
            packed = struct.pack("16sHH4s8x", b"lo:%d" % number, socket.AF_INET, 0, socket.inet_aton(address))
            fcntl.ioctl(control, set_address, packed)
