"""The shim: one process a pod, in the pod's own network namespace where the machine allows one.

Flow: `launch` forks away from the sandbox -> user and network namespace -> `shim.sock` -> start, signal, exec and dial as asked ->
each end of a container is written to `state.json` before anybody is told -> `quit`, or the pod's folder gone, ends it.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import json
import os
import pty
import signal
import socket
import struct
import sys
import termios
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from deploy.sandbox.isolation import kernel
from deploy.sandbox.isolation.enter import StartError, Streams, join, start
from deploy.sandbox.isolation.spec import Mode, Spec

from . import memory
from .log import LogFile
from .wire import Receiver, send

MEMORY_EVERY = 0.15
DRAIN_FOR = 0.3  # a child that was left behind may hold a finished container's output open
DIAL_TIMEOUT = 5.0


@dataclass
class Run:
    """One run of one container. Times are seconds since 1970."""

    name: str
    attempt: int
    pid: int = 0
    started: float = 0.0
    finished: float | None = None
    exit_code: int | None = None
    signal: int | None = None
    oom: bool = False
    error: str | None = None  # why it could not be started


class Container:
    """A run together with its output and its memory limit."""

    def __init__(self, run: Run, spec: Spec, folder: Path, limit: int | None) -> None:
        self.run, self.spec, self.folder, self.limit = run, spec, folder, limit
        self.log = LogFile(folder / "log")
        self.open_streams: set[int] = set()
        self.exited = False


class Shim:
    """All containers of one pod."""

    def __init__(self, folder: Path, ip: str) -> None:
        self._folder = folder
        self._ip = ip
        self._containers: dict[str, Container] = {}
        self._watchers: set[socket.socket] = set()
        self._execs: dict[int, asyncio.Future[int]] = {}
        self._quit = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, listener: socket.socket) -> None:
        """Answer until `quit`."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGCHLD, self._reap)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.add_signal_handler(number, self._quit.set)
        accepting = asyncio.create_task(self._accept(listener))
        sampling = asyncio.create_task(self._sample_memory())
        await self._quit.wait()
        accepting.cancel()
        sampling.cancel()
        for container in self._containers.values():
            self._kill_all(container)
        deadline = time.monotonic() + 2
        while any(not c.exited for c in self._containers.values()) and time.monotonic() < deadline:  # noqa: ASYNC110 - bounded
            await asyncio.sleep(0.02)
        await asyncio.sleep(0)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            sock, _ = await loop.sock_accept(listener)
            sock.setblocking(False)
            self._spawn(self._serve_one(sock))

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve_one(self, sock: socket.socket) -> None:
        receiver = Receiver(sock)
        try:
            while (request := await receiver.receive()) is not None:
                operation = getattr(self, f"_do_{request['op']}", None)
                if operation is None:
                    await send(sock, {"error": f"unknown operation {request['op']}"})
                    continue
                await operation(sock, receiver, request)
        except (OSError, ValueError, KeyError) as exc:
            with contextlib.suppress(OSError):
                await send(sock, {"error": f"{type(exc).__name__}: {exc}"})
        finally:
            self._watchers.discard(sock)
            sock.close()

    # What can be asked

    async def _do_status(self, sock: socket.socket, _receiver: Receiver, _request: dict[str, Any]) -> None:
        await send(sock, {"runs": [asdict(container.run) for container in self._containers.values()]})

    async def _do_watch(self, sock: socket.socket, _receiver: Receiver, _request: dict[str, Any]) -> None:
        self._watchers.add(sock)
        await self._do_status(sock, _receiver, _request)

    async def _do_start(self, sock: socket.socket, _receiver: Receiver, request: dict[str, Any]) -> None:
        spec = Spec.from_json(json.dumps(request["spec"]))
        run = Run(request["name"], request["attempt"])
        container = Container(run, spec, Path(request["folder"]), request.get("memory"))
        self._start(container)
        self._containers[run.name] = container
        self._save(container)
        await send(sock, {"run": asdict(run)})
        self._announce(run)

    async def _do_signal(self, sock: socket.socket, _receiver: Receiver, request: dict[str, Any]) -> None:
        container = self._containers.get(request["name"])
        if container is not None and not container.exited and container.run.pid:
            if request["signal"] == signal.SIGKILL:
                self._kill_all(container)
            else:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(container.run.pid, request["signal"])
        await send(sock, {})

    async def _do_dial(self, sock: socket.socket, _receiver: Receiver, request: dict[str, Any]) -> None:
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as connection:
            connection.setblocking(False)
            try:
                async with asyncio.timeout(request.get("timeout", DIAL_TIMEOUT)):
                    await loop.sock_connect(connection, (self._ip, request["port"]))
            except TimeoutError:
                await send(sock, {"errno": errno.ETIMEDOUT})
                return
            except OSError as exc:
                await send(sock, {"errno": exc.errno})
                return
            await send(sock, {}, (connection.fileno(),))

    async def _do_exec(self, sock: socket.socket, receiver: Receiver, request: dict[str, Any]) -> None:
        container = self._containers.get(request["name"])
        if container is None or container.exited:
            await send(sock, {"error": "container not running", "number": errno.ESRCH})
            return
        spec = Spec.from_json(json.dumps({**asdict(container.spec), **request["spec"]}))
        spec.terminal = bool(request.get("tty"))
        theirs, ours = _terminal() if spec.terminal else _pipes()
        try:
            pid = join(container.run.pid, spec, Streams(*theirs))
        except StartError as exc:
            for fd in ours:
                os.close(fd)
            await send(sock, {"error": str(exc), "number": exc.number, "program": exc.program})
            return
        finally:
            for fd in set(theirs):
                os.close(fd)
        ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._execs[pid] = ended
        self._reap()
        # a terminal is resized through a copy; of a pipe none may stay, or closing it would not end the input
        control = os.dup(ours[0]) if spec.terminal else os.open(os.devnull, os.O_RDONLY)
        await send(sock, {}, tuple(ours))
        for fd in ours:
            os.close(fd)
        listening = asyncio.create_task(self._control_exec(receiver, pid, control))
        try:
            await send(sock, {"exit": await ended})
        finally:
            listening.cancel()
            os.close(control)

    async def _control_exec(self, receiver: Receiver, pid: int, control: int) -> None:
        while (message := await receiver.receive()) is not None:
            if "resize" in message:
                rows, columns = message["resize"]
                with contextlib.suppress(OSError):
                    fcntl.ioctl(control, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            elif message.get("kill"):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    async def _do_quit(self, sock: socket.socket, _receiver: Receiver, _request: dict[str, Any]) -> None:
        self._quit.set()
        await send(sock, {})

    # Running

    def _start(self, container: Container) -> None:
        run, spec = container.run, container.spec
        null = os.open(os.devnull, os.O_RDONLY)
        outputs = {"stdout": os.pipe(), "stderr": os.pipe()}
        try:
            run.pid = start(spec, Streams(null, outputs["stdout"][1], outputs["stderr"][1]))
            run.started = time.time()
        except StartError as exc:
            run.error, run.exit_code, run.finished = str(exc), 128, time.time()
            container.exited = True
        finally:
            os.close(null)
            for _, writer in outputs.values():
                os.close(writer)
        loop = asyncio.get_running_loop()
        for stream, (reader, _) in outputs.items():
            if container.exited:
                os.close(reader)
                continue
            os.set_blocking(reader, False)
            container.open_streams.add(reader)
            loop.add_reader(reader, self._read_output, container, stream, reader)
        if container.exited:
            container.log.close()

    def _read_output(self, container: Container, stream: str, reader: int) -> None:
        try:
            chunk = os.read(reader, 65536)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if chunk:
            container.log.write(stream, chunk)
            return
        asyncio.get_running_loop().remove_reader(reader)
        container.open_streams.discard(reader)
        os.close(reader)

    def _reap(self) -> None:
        by_pid = {container.run.pid: container for container in self._containers.values() if not container.exited}
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            code = os.waitstatus_to_exitcode(status)
            if pid in by_pid:
                by_pid[pid].exited = True
                self._spawn(self._finish(by_pid[pid], code))
            elif pid in self._execs:
                ended = self._execs.pop(pid)
                if not ended.done():
                    ended.set_result(code if code >= 0 else 128 - code)

    async def _finish(self, container: Container, code: int) -> None:
        finished = time.time()
        if container.spec.mode is Mode.NONE:  # no namespace took the descendants with it
            self._kill_all(container)
        deadline = time.monotonic() + DRAIN_FOR
        while container.open_streams and time.monotonic() < deadline:  # noqa: ASYNC110 - bounded
            await asyncio.sleep(0.01)
        for reader in container.open_streams:
            asyncio.get_running_loop().remove_reader(reader)
            os.close(reader)
        container.log.close()
        run = container.run
        run.finished, run.exit_code = finished, code if code >= 0 else 128 - code
        run.signal = -code if code < 0 else None
        if run.oom:
            run.exit_code = 128 + signal.SIGKILL
        self._save(container)
        self._announce(run)

    def _kill_all(self, container: Container) -> None:
        if container.run.pid and (not container.exited or container.spec.mode is Mode.NONE):
            for pid in memory.tree(container.run.pid):
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            if container.spec.mode is Mode.NONE:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(container.run.pid, signal.SIGKILL)

    async def _sample_memory(self) -> None:
        while True:
            await asyncio.sleep(MEMORY_EVERY)
            if not self._folder.exists():
                self._quit.set()
            for container in self._containers.values():
                if container.limit and not container.exited and memory.used(container.run.pid) > container.limit:
                    container.run.oom = True
                    self._kill_all(container)

    @staticmethod
    def _save(container: Container) -> None:
        partial = container.folder / "state.new"
        partial.write_text(json.dumps(asdict(container.run)))
        partial.replace(container.folder / "state.json")

    def _announce(self, run: Run) -> None:
        for sock in list(self._watchers):
            self._spawn(self._tell(sock, run))

    async def _tell(self, sock: socket.socket, run: Run) -> None:
        try:
            await send(sock, {"run": asdict(run)})
        except OSError:
            self._watchers.discard(sock)


def _terminal() -> tuple[tuple[int, int, int], list[int]]:
    master, slave = pty.openpty()
    return (slave, slave, slave), [master]


def _pipes() -> tuple[tuple[int, int, int], list[int]]:
    stdin, stdout, stderr = os.pipe(), os.pipe(), os.pipe()
    return (stdin[0], stdout[1], stderr[1]), [stdin[1], stdout[0], stderr[0]]


def _enter_namespaces(settings: dict[str, Any]) -> None:
    """Give the pod its user and network namespace; the containers are started from inside."""
    mode = Mode(settings["mode"])
    uid, gid = os.geteuid(), os.getegid()
    if mode is Mode.USER:
        kernel.unshare(kernel.CLONE_NEWUSER | (kernel.CLONE_NEWNET if settings["network"] else 0))
        kernel.map_user(0, 0, uid, gid)
    elif mode is Mode.ROOT and settings["network"]:
        kernel.unshare(kernel.CLONE_NEWNET)
    if settings["network"]:
        kernel.bring_loopback_up(settings["ip"])
        with contextlib.suppress(OSError):  # as container runtimes do: no capability is needed for port 80
            Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").write_text("0")


def launch(folder: Path) -> int:
    """Fork the shim of the pod in `folder` away from us and return 0 once it listens."""
    ready, telling = os.pipe()
    if os.fork():
        os.close(telling)
        with os.fdopen(ready, "rb") as stream:
            answer = stream.read()
        if answer != b"ready":
            sys.stderr.write(answer.decode(errors="replace"))
        return 0 if answer == b"ready" else 1
    os.close(ready)
    os.setsid()
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    try:
        settings = json.loads((folder / "pod.json").read_text())
        _enter_namespaces(settings)
        os.chdir(folder)
        with contextlib.suppress(FileNotFoundError):
            Path("shim.sock").unlink()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listener.bind("shim.sock")  # relative: the path of a socket must be short
        listener.listen(64)
        listener.setblocking(False)
        Path("shim.pid").write_text(str(os.getpid()))
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        os.write(telling, b"ready")
    except OSError as exc:
        os.write(telling, f"{type(exc).__name__}: {exc}\n".encode())
        os._exit(1)
    os.close(telling)
    asyncio.run(Shim(folder, settings["ip"]).serve(listener))
    os._exit(0)
