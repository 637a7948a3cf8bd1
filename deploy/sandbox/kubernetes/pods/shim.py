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
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deploy.sandbox.isolation import kernel
from deploy.sandbox.isolation.enter import StartError, Streams, join
from deploy.sandbox.isolation.spec import Mode, Spec

from . import memory
from .container import Container, Run
from .wire import Receiver, send

MEMORY_EVERY = 0.15
DIAL_TIMEOUT = 5.0


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
            container.kill()
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
        container = Container(run, spec, Path(request["folder"]), request.get("memory"), request.get("stdin", ""))
        container.start()
        self._containers[run.name] = container
        container.save()
        await send(sock, {"run": asdict(run)})
        self._announce(run)

    async def _do_signal(self, sock: socket.socket, _receiver: Receiver, request: dict[str, Any]) -> None:
        container = self._containers.get(request["name"])
        if container is not None and not container.exited and container.run.pid:
            if request["signal"] == signal.SIGKILL:
                container.kill()
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
        if spec.terminal:
            spec.env.setdefault("TERM", "xterm")
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

    async def _do_attach(self, sock: socket.socket, receiver: Receiver, request: dict[str, Any]) -> None:
        container = self._containers.get(request["name"])
        if container is None or container.exited:
            await send(sock, {"error": "container not running", "number": errno.ESRCH})
            return
        attachments = container.attachments
        taps = attachments.attach()
        stdin = attachments.stdin
        stdin = os.open(os.devnull, os.O_WRONLY) if stdin is None else os.dup(stdin)
        files = (stdin, *(tap.reader for tap in taps.values()))
        try:
            await send(sock, {}, files)
        finally:
            for fd in files:
                os.close(fd)
        leaving = asyncio.create_task(_control_attached(receiver, container))
        ending = asyncio.create_task(attachments.ended.wait())
        try:
            await asyncio.wait({leaving, ending}, return_when=asyncio.FIRST_COMPLETED)
            if ending.done():  # the taps end by themselves, when they are read
                await send(sock, {"exit": 0})
            else:
                attachments.detach(taps)
        finally:
            leaving.cancel()
            ending.cancel()

    async def _control_exec(self, receiver: Receiver, pid: int, control: int) -> None:
        while (message := await receiver.receive()) is not None:
            if "resize" in message:
                _resize(control, message["resize"])
            elif message.get("kill"):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    async def _do_quit(self, sock: socket.socket, _receiver: Receiver, _request: dict[str, Any]) -> None:
        self._quit.set()
        await send(sock, {})

    # Running

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
        await container.finish(code)
        self._announce(container.run)

    async def _sample_memory(self) -> None:
        while True:
            await asyncio.sleep(MEMORY_EVERY)
            if not self._folder.exists():
                self._quit.set()
            for container in self._containers.values():
                if container.limit and not container.exited and memory.used(container.run.pid) > container.limit:
                    container.run.oom = True
                    container.kill()

    def _announce(self, run: Run) -> None:
        for sock in list(self._watchers):
            self._spawn(self._tell(sock, run))

    async def _tell(self, sock: socket.socket, run: Run) -> None:
        try:
            await send(sock, {"run": asdict(run)})
        except OSError:
            self._watchers.discard(sock)


async def _control_attached(receiver: Receiver, container: Container) -> None:
    """Do what one who is attached asks for, until they leave."""
    while (message := await receiver.receive()) is not None:
        stdin = container.attachments.stdin
        if "resize" in message and stdin is not None and container.spec.terminal:
            _resize(stdin, message["resize"])
        elif message.get("end_input"):
            container.attachments.end_input()


def _resize(terminal: int, size: tuple[int, int]) -> None:
    rows, columns = size
    with contextlib.suppress(OSError):
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


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
