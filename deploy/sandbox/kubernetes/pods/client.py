"""The node's side of a pod's shim."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from deploy.sandbox.isolation import Capability, Spec

from .wire import Receiver, send

Input = Literal["", "open", "once"]  # whether a container has an input, and whether the first to leave ends it
PROJECT = Path(__file__).resolve().parents[4]


class ShimGoneError(ConnectionError):
    """No shim listens in the pod's folder."""


class ExecError(OSError):
    """A command could not be started in a container. `program` says whether the command itself was the reason."""

    def __init__(self, message: str, *, program: bool) -> None:
        super().__init__(message)
        self.program = program


@dataclass
class Execution:
    """A command that runs in a container: its streams and how it ends.

    Of an exec with a terminal, `stdin` and `stdout` are that terminal. `attached`: it is the container's own process.
    """

    stdin: int
    stdout: int
    stderr: int | None
    _sock: socket.socket
    _receiver: Receiver
    attached: bool = False

    async def wait(self) -> int:
        """Return the exit code. 137 where the container ended first."""
        try:
            message = await self._receiver.receive()
        finally:
            self._sock.close()
        return 137 if message is None else int(message["exit"])

    async def resize(self, rows: int, columns: int) -> None:
        """Tell the terminal its size."""
        await send(self._sock, {"resize": [rows, columns]})

    async def end_input(self) -> None:
        """Tell a container to which we are attached that no more input comes from us."""
        if self.attached:
            with contextlib.suppress(OSError):
                await send(self._sock, {"end_input": True})

    async def kill(self) -> None:
        """Kill the command."""
        with contextlib.suppress(OSError):
            await send(self._sock, {"kill": True})


class Shim:
    """One pod's shim, by the pod's folder on disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    async def launch(self, *, ip: str, capability: Capability) -> None:
        """Start the shim process.

        Raises:
            ShimGoneError: it did not come up; the message says why.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        settings = {"ip": ip, "mode": capability.mode.value, "network": capability.network}
        (self.folder / "pod.json").write_text(json.dumps(settings))
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-S", "-m", "deploy.sandbox.kubernetes.pods", str(self.folder),
            env={"PYTHONPATH": str(PROJECT), "PYTHONDONTWRITEBYTECODE": "1", "PATH": os.defpath}, start_new_session=True,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stderr is not None
        code = await process.wait()
        if code:
            raise ShimGoneError((await process.stderr.read()).decode(errors="replace").strip() or f"exit code {code}")

    async def alive(self) -> bool:
        """Return whether the shim answers."""
        try:
            await self.status()
        except (ShimGoneError, OSError):
            return False
        return True

    async def status(self) -> list[dict[str, Any]]:
        """Return the latest run of each container, as the shim's `Run`."""
        runs: list[dict[str, Any]] = (await self._ask({"op": "status"}))["runs"]
        return runs

    async def watch(self) -> AsyncIterator[dict[str, Any]]:
        """Yield the latest run of each container, and then every change, until the shim is gone."""
        sock = await self._connect()
        receiver = Receiver(sock)
        try:
            await send(sock, {"op": "watch"})
            while (message := await receiver.receive()) is not None:
                for run in message.get("runs", [message.get("run")]):
                    yield run
        finally:
            sock.close()

    async def start(
        self, name: str, attempt: int, spec: Spec, folder: Path, memory: int | None, stdin: Input = ""
    ) -> dict[str, Any]:
        """Start a container and return its `Run`; one that could not be started has `error`."""
        request = {
            "op": "start",
            "name": name,
            "attempt": attempt,
            "spec": asdict(spec),
            "folder": str(folder),
            "memory": memory,
            "stdin": stdin,
        }
        run: dict[str, Any] = (await self._ask(request))["run"]
        return run

    async def signal(self, name: str, number: int) -> None:
        """Send a signal to a container's first process; SIGKILL ends all of its processes."""
        await self._ask({"op": "signal", "name": name, "signal": int(number)})

    async def dial(self, port: int, timeout: float = 5.0) -> socket.socket:
        """Return a connection to a port of the pod.

        Raises:
            OSError: as connect(2) says it, inside the pod (ConnectionRefusedError, TimeoutError).
        """
        sock = await self._connect()
        receiver = Receiver(sock)
        try:
            await send(sock, {"op": "dial", "port": port, "timeout": timeout})
            answer = await receiver.receive()
            files = receiver.take_files()
        finally:
            sock.close()
        if answer is None:
            raise ShimGoneError("the pod ended")
        if "errno" in answer:
            raise OSError(answer["errno"], os.strerror(answer["errno"]))
        connection = socket.socket(fileno=files[0])
        connection.setblocking(False)
        return connection

    async def exec(self, name: str, argv: list[str], *, tty: bool = False) -> Execution:
        """Start a command in a container.

        Raises:
            ExecError: the container does not run or the command is not there.
        """
        sock, receiver, files = await self._open({"op": "exec", "name": name, "spec": {"argv": argv}, "tty": tty})
        if tty:
            return Execution(files[0], files[0], None, sock, receiver)
        return Execution(files[0], files[1], files[2], sock, receiver)

    async def attach(self, name: str) -> Execution:
        """Return the streams of a running container: its output from now on, and its input where it has one.

        Raises:
            ExecError: the container does not run.
        """
        sock, receiver, files = await self._open({"op": "attach", "name": name})
        stderr = files[2] if len(files) > 2 else None
        return Execution(files[0], files[1], stderr, sock, receiver, attached=True)

    async def _open(self, request: dict[str, Any]) -> tuple[socket.socket, Receiver, list[int]]:
        sock = await self._connect()
        receiver = Receiver(sock)
        await send(sock, request)
        answer = await receiver.receive()
        files = receiver.take_files()
        if answer is None or "error" in answer:
            sock.close()
            why = (answer or {}).get("error", "the pod ended")
            raise ExecError(why, program=bool((answer or {}).get("program")))
        return sock, receiver, files

    async def quit(self) -> None:
        """End the shim and with it all containers that still run."""
        with contextlib.suppress(ShimGoneError, OSError):
            await self._ask({"op": "quit"})

    def saved(self, container_folder: Path) -> dict[str, Any] | None:
        """Return the last saved `Run` of a container's run from disk."""
        try:
            run: dict[str, Any] = json.loads((container_folder / "state.json").read_text())
        except (OSError, ValueError):
            return None
        return run

    async def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        sock = await self._connect()
        try:
            await send(sock, request)
            answer = await Receiver(sock).receive()
        finally:
            sock.close()
        if answer is None:
            raise ShimGoneError("the shim ended")
        if "error" in answer:
            raise OSError(answer["error"])
        return answer

    async def _connect(self) -> socket.socket:
        try:
            folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as exc:
            raise ShimGoneError(str(exc)) from exc
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(
                sock, f"/proc/self/fd/{folder}/shim.sock"
            )  # short, however deep we are
        except OSError as exc:
            sock.close()
            raise ShimGoneError(str(exc)) from exc
        finally:
            os.close(folder)
        return sock


def kill_all(folder: Path) -> int:
    """Kill every shim below `folder` (and so every container); return how many there were. For taking a sandbox down."""
    killed = 0
    for path in folder.glob("**/shim.pid"):
        try:
            pid = int(path.read_text())
            if str(path.parent).encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                os.kill(pid, signal.SIGTERM)
                killed += 1
        except (OSError, ValueError):
            continue
        path.unlink(missing_ok=True)
    return killed


def remove_folder(folder: Path) -> None:
    """Remove a pod's folder, whoever owns what is in it."""
    shutil.rmtree(folder, ignore_errors=True)
