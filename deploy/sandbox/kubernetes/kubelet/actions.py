"""Do what a probe or a lifecycle hook asks for: HTTP, TCP, a command, or waiting.

Everything goes through the pod's shim, so it reaches the container as a kubelet would from its node.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl
from dataclasses import dataclass
from typing import Any

from deploy.sandbox.kubernetes.pods.client import ExecError, Shim

Object = dict[str, Any]
MOST_OUTPUT = 10 * 1024
GOOD_STATUS = range(200, 400)


@dataclass(frozen=True)
class Outcome:
    """Whether an action went well, and what to say about it."""

    ok: bool
    message: str = ""


class Actions:
    """The actions of one container."""

    def __init__(self, shim: Shim, container: Object, pod_ip: str) -> None:
        self._shim = shim
        self._container = container
        self._ip = pod_ip

    async def run(self, action: Object, timeout: float) -> Outcome:
        """Do the action of a probe or hook (`httpGet`, `tcpSocket`, `exec`, `sleep`) and return how it went."""
        if "httpGet" in action:
            return await self._http(action["httpGet"], timeout)
        if "tcpSocket" in action:
            return await self._tcp(self._port(action["tcpSocket"]["port"]), timeout)
        if "exec" in action:
            return await self._exec(action["exec"].get("command") or [], timeout)
        if "sleep" in action:
            await asyncio.sleep(action["sleep"].get("seconds", 0))
            return Outcome(ok=True)
        return Outcome(ok=False, message="this kind of action is not supported by the sandbox's node")

    def _port(self, port: int | str) -> int:
        if isinstance(port, int) or port.isdigit():
            return int(port)
        for entry in self._container.get("ports") or ():
            if entry.get("name") == port:
                return int(entry["containerPort"])
        return 0

    async def _tcp(self, port: int, timeout: float) -> Outcome:
        try:
            sock = await self._shim.dial(port, timeout)
        except OSError as exc:
            return Outcome(ok=False, message=_dial_words(self._ip, port, exc))
        sock.close()
        return Outcome(ok=True)

    async def _http(self, action: Object, timeout: float) -> Outcome:
        port = self._port(action["port"])
        scheme = action.get("scheme", "HTTP").lower()
        path = action.get("path") or "/"
        path = path if path.startswith("/") else f"/{path}"
        url = f"{scheme}://{action.get('host') or self._ip}:{port}{path}"
        try:
            async with asyncio.timeout(timeout):
                status = await self._request(port, path, action, secure=scheme == "https")
        except TimeoutError:
            why = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
            return Outcome(ok=False, message=f'Get "{url}": {why}')
        except ssl.SSLError as exc:
            return Outcome(ok=False, message=f'Get "{url}": tls: {exc.reason or exc}')
        except (EOFError, ValueError):
            return Outcome(ok=False, message=f'Get "{url}": EOF')
        except ConnectionResetError:
            return Outcome(ok=False, message=f'Get "{url}": read tcp {self._ip}:{port}: read: connection reset by peer')
        except OSError as exc:
            return Outcome(ok=False, message=f'Get "{url}": {_dial_words(self._ip, port, exc)}')
        if status in GOOD_STATUS:
            return Outcome(ok=True)
        return Outcome(ok=False, message=f"HTTP probe failed with statuscode: {status}")

    async def _request(self, port: int, path: str, action: Object, *, secure: bool) -> int:
        context = None
        if secure:  # a probe does not verify the certificate: kubernetes.io/docs/tasks/configure-pod-container
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        sock = await self._shim.dial(port)
        reader, writer = await asyncio.open_connection(sock=sock, ssl=context, server_hostname="" if secure else None)
        try:
            given = {entry["name"]: entry["value"] for entry in action.get("httpHeaders") or ()}
            headers = {
                "Host": f"{action.get('host') or self._ip}:{port}",
                "User-Agent": "kube-probe/1.36",
                "Accept": "*/*",
            }
            headers |= given | {"Connection": "close"}
            lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            writer.write(f"GET {path} HTTP/1.1\r\n{lines}\r\n".encode())
            await writer.drain()
            line = await reader.readline()
            if not line:
                raise EOFError
            return int(line.split()[1])
        except IndexError as exc:
            raise ValueError("no status line") from exc
        finally:
            writer.close()
            with contextlib.suppress(OSError, ssl.SSLError):
                await writer.wait_closed()

    async def _exec(self, command: list[str], timeout: float) -> Outcome:
        try:
            execution = await self._shim.exec(self._container["name"], command)
        except (ExecError, OSError) as exc:
            why = f"failed to exec in container: failed to start exec: OCI runtime exec failed: {exc}"
            return Outcome(ok=False, message=why)
        os.close(execution.stdin)
        try:
            async with asyncio.timeout(timeout):
                output, code = await asyncio.gather(_read_all(execution.stdout, execution.stderr), execution.wait())
        except TimeoutError:
            await execution.kill()
            shown = " ".join(command)
            return Outcome(ok=False, message=f'command timed out: "{shown}" timed out after {timeout:g}s')
        return Outcome(ok=code == 0, message=output.decode(errors="replace"))


async def _read_all(*descriptors: int | None) -> bytes:
    """Return what comes out of the descriptors until they end (at most a little of it) and close them."""
    chunks = await asyncio.gather(*(_read_one(descriptor) for descriptor in descriptors if descriptor is not None))
    return b"".join(chunks)


async def _read_one(descriptor: int) -> bytes:
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
    )
    collected = b""
    try:
        while chunk := await reader.read(4096):
            collected += chunk[: MOST_OUTPUT - len(collected)]
    finally:
        transport.close()
    return collected


def _dial_words(ip: str, port: int, exc: OSError) -> str:
    if isinstance(exc, TimeoutError):
        return f"dial tcp {ip}:{port}: i/o timeout"
    return f"dial tcp {ip}:{port}: connect: {(exc.strerror or str(exc)).lower()}"
