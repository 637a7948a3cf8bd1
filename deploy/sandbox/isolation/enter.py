"""From a forked child to the container's own program, and from outside into a running container.

Flow of `start`: clone(2) into new namespaces -> map the user -> make all mounts private -> mount the root -> pivot (or chroot)
-> drop users, groups and capabilities -> exec. A failure before exec is told to the parent through a pipe.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import signal
import stat
import sys
import termios
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from . import kernel, relative, userland
from .spec import FIRST_UID, Mode, Spec

_NAMESPACES = kernel.CLONE_NEWNS | kernel.CLONE_NEWPID | kernel.CLONE_NEWUTS | kernel.CLONE_NEWIPC


class StartError(Exception):
    """The program could not be started. `program` says whether the program itself was the reason."""

    def __init__(self, message: str, *, program: bool, number: int) -> None:
        super().__init__(message)
        self.program = program
        self.number = number


@dataclass(frozen=True)
class Streams:
    """The file descriptors that become standard input, output and error."""

    stdin: int
    stdout: int
    stderr: int


def start(spec: Spec, streams: Streams) -> int:
    """Start the process of `spec` and return its process id (in our own view); reaping it is the caller's.

    It leads its own session and is killed when we die. Call it only from a process with one thread.

    Raises:
        StartError: a namespace, a mount or the program itself failed.
    """
    flags = 0
    if spec.mode is not Mode.NONE:
        flags = _NAMESPACES | (kernel.CLONE_NEWNET if spec.new_network else 0)
        if spec.mode is Mode.USER and spec.new_user:
            flags |= kernel.CLONE_NEWUSER
    outer = (os.geteuid(), os.getegid())
    reader, writer = os.pipe()
    try:
        pid = kernel.fork_into(flags)
    except OSError as exc:
        os.close(reader)
        os.close(writer)
        raise StartError(str(exc), program=False, number=exc.errno or 0) from exc
    if pid == 0:
        _report_failure(writer, lambda: _become(spec, streams, outer, new_user=bool(flags & kernel.CLONE_NEWUSER)))
    os.close(writer)
    return _await_exec(pid, reader)


def join(pid: int, spec: Spec, streams: Streams) -> int:
    """Start the process of `spec` in the container whose first process is `pid`; return a process of ours that ends as it does.

    Raises:
        StartError: the container is gone or the program failed.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        _report_failure(writer, lambda: _join(pid, spec, streams))
    os.close(writer)
    return _await_exec(child, reader)


def _await_exec(pid: int, reader: int) -> int:
    with os.fdopen(reader, "rb") as stream:
        failure = stream.read()  # ends empty when exec closes the other side
    if not failure:
        return pid
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)
    told = json.loads(failure)
    raise StartError(told["message"], program=told["program"], number=told["number"])


def _report_failure(writer: int, work: object) -> NoReturn:
    """Run the child's work, which ends in exec, and tell the parent why it did not."""
    program = False
    try:
        work()  # type: ignore[operator]
    except _ProgramError as exc:
        program, message, number = True, str(exc), exc.number
    except OSError as exc:
        message, number = str(exc), exc.errno or 0
    except BaseException as exc:  # noqa: BLE001 - a forked child must never return into the parent's code
        message, number = f"{type(exc).__name__}: {exc}", 0
    with contextlib.suppress(OSError):
        os.write(writer, json.dumps({"program": program, "message": message, "number": number}).encode())
    os._exit(127)


def _become(spec: Spec, streams: Streams, outer: tuple[int, int], *, new_user: bool) -> None:
    _take_streams(spec, streams)
    if spec.mode is Mode.NONE:
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        argv, env, cwd = relative.translate(spec)
        os.chdir(cwd)
        _exec(argv, env)
    if new_user:
        kernel.map_user(0, 0, *outer)
    if spec.new_network:
        kernel.bring_loopback_up()
    _make_private()
    kernel.mount(spec.root, spec.root, None, kernel.MS_BIND | kernel.MS_REC)
    userland.mount_everything(spec)
    os.chdir(spec.root)
    pivoted = True
    try:
        kernel.pivot_into_current_folder()
    except OSError:  # our own root is no mount point (a plain chroot) or is the initial RAM disk
        os.chroot(".")
        pivoted = False
    os.chdir("/")
    kernel.set_hostname(spec.hostname)
    _drop_privileges(spec, nested=pivoted)
    try:
        os.chdir(spec.cwd)
    except OSError as exc:
        raise _ProgramError(f'chdir to cwd ("{spec.cwd}") set in config.json failed: {_words(exc)}', exc.errno) from exc
    _exec(spec.argv, spec.env)


def _join(pid: int, spec: Spec, streams: Streams) -> None:
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    if spec.mode is Mode.NONE:
        _take_streams(spec, streams)
        argv, env, cwd = relative.translate(spec)
        os.chdir(cwd)
        _exec(argv, env)
    root = os.open(f"/proc/{pid}/root", os.O_RDONLY | os.O_DIRECTORY)
    kinds = ["ipc", "uts", "pid", "mnt"]
    nested = _differs(pid, "user")
    opened = [os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY) for kind in [*kinds, *(["user"] if nested else [])]]
    for fd in opened[: len(kinds)]:
        kernel.setns(fd)
    os.fchdir(root)
    os.chroot(".")
    os.chdir("/")
    inner = os.fork()  # only a child is inside the process id namespace
    if inner:
        os.closerange(0, 1 << 20)  # it only waits; a pipe's end kept here would never tell the command its end of input
        _, status = os.waitpid(inner, 0)
        os._exit(os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
    _take_streams(spec, streams)
    if nested:
        kernel.setns(opened[-1])
        _limit()
    else:
        _drop_privileges(spec, nested=False)
    os.chdir(spec.cwd)
    _exec(spec.argv, spec.env)


def _differs(pid: int, kind: str) -> bool:
    return os.readlink(f"/proc/{pid}/ns/{kind}") != os.readlink(f"/proc/self/ns/{kind}")  # noqa: PTH115


def _take_streams(spec: Spec, streams: Streams) -> None:
    os.setsid()
    for target, source in enumerate((streams.stdin, streams.stdout, streams.stderr)):
        if source == target:
            os.set_inheritable(target, True)
        else:
            os.dup2(source, target)
    if spec.terminal:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    os.umask(0o022)


def _make_private() -> None:
    """Keep our mounts from the rest of the machine, whose root may be shared (systemd makes it so)."""
    try:
        kernel.mount(None, "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    except OSError as exc:
        if exc.errno != errno.EINVAL:
            raise
        _make_private_from_chroot()


def _make_private_from_chroot() -> None:
    """Do it where our root is a plain folder: only a mount point can be made private, so reach the one above for a moment."""
    own_root = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    os.chdir("/")
    os.chroot("/proc")  # any other folder: the current one is now outside the root, and ".." may climb
    os.fchdir(own_root)
    previous: tuple[int, int] | None = None
    while (here := _identity(".")) != previous:
        previous = here
        os.chdir("..")
    kernel.mount(None, ".", None, kernel.MS_REC | kernel.MS_PRIVATE)
    os.fchdir(own_root)
    os.chroot(".")
    os.chdir("/")
    os.close(own_root)


def _identity(path: str) -> tuple[int, int]:
    found = Path(path).stat()
    return found.st_dev, found.st_ino


def _drop_privileges(spec: Spec, *, nested: bool) -> None:
    kernel.bound_capabilities()
    if spec.mode is Mode.ROOT:
        _own_streams(spec)
        os.setgroups([])
        os.setresgid(*[FIRST_UID + spec.gid] * 3)
        os.setresuid(*[FIRST_UID + spec.uid] * 3)
    elif (spec.uid or spec.gid) and nested:  # only one user is mapped: show it under the wanted id
        kernel.unshare(kernel.CLONE_NEWUSER)
        kernel.map_user(spec.uid, spec.gid, 0, 0)
    _limit()


def _own_streams(spec: Spec) -> None:
    """Give the program its pipes and terminal, so that it may open /dev/stdout anew, as container runtimes do."""
    for fd in (0, 1, 2):
        if stat.S_ISFIFO(os.fstat(fd).st_mode) or (spec.terminal and os.isatty(fd)):
            os.fchown(fd, FIRST_UID + spec.uid, FIRST_UID + spec.gid)


def _limit() -> None:
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)  # after the change of user, which clears it
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)


class _ProgramError(Exception):
    def __init__(self, message: str, number: int | None) -> None:
        super().__init__(message)
        self.number = number or 0


def _words(exc: OSError) -> str:
    return (exc.strerror or str(exc)).lower()


def _exec(argv: list[str], env: dict[str, str]) -> NoReturn:
    """Exec the program; a failure is worded as runc does (https://github.com/opencontainers/runc)."""
    program = argv[0]
    try:
        if "/" not in program:
            found = _search(program, env.get("PATH", ""))
            if found is None:
                raise _ProgramError(f'exec: "{program}": executable file not found in $PATH', errno.ENOENT)
            os.execve(found, argv, env)  # noqa: S606
        os.execve(program, argv, env)  # noqa: S606
    except OSError as exc:
        if exc.errno == errno.ENOENT and not Path(program).exists():
            raise _ProgramError(f'exec: "{program}": stat {program}: no such file or directory', exc.errno) from exc
        raise _ProgramError(f'exec: "{program}": {_words(exc)}', exc.errno) from exc


def _search(program: str, path: str) -> str | None:
    for folder in path.split(":"):
        candidate = Path(folder or ".", program)
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return str(candidate)
    return None


def main() -> int:
    """Run the specification in the file of the given descriptor; forward signals; end with the command's exit code."""
    with os.fdopen(int(sys.argv[1]), "rb") as stream:
        spec = Spec.from_json(stream.read())
    forwarded = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
    signal.pthread_sigmask(signal.SIG_BLOCK, forwarded)
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGTERM)
    try:
        pid = start(spec, Streams(0, 1, 2))
    except StartError as exc:
        sys.stderr.write(f"{exc}\n")
        return 127 if exc.number == errno.ENOENT else 126

    def forward(number: int, _frame: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
            if spec.mode is not Mode.NONE and number in (signal.SIGTERM, signal.SIGINT):
                os.kill(pid, signal.SIGKILL)  # the first process of a namespace ignores what it has no handler for

    for number in forwarded:
        signal.signal(number, forward)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, forwarded)
    _, status = os.waitpid(pid, 0)
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
