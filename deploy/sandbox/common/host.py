"""The process that hosts all servers: ports, TLS, journal and faults around each, and the control server.

Flow: bind every port (the same as last time where they are free) -> start each server -> write
`endpoints.json` (the sign that all is ready) -> serve until a signal -> stop in reverse order.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import secrets
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web

from .authority import Authority
from .faults import Faults
from .journal import Journal

Handler = Any
_late: set[asyncio.Future[web.StreamResponse]] = set()  # the loop itself keeps no reference
BODY_LIMIT = 512 * 1024 * 1024


class Server(Protocol):
    """One stand-in. `name` is also the name of its port and of its folder of state."""

    name: str
    tls: bool

    def application(self) -> web.Application:
        """Return a fresh aiohttp application; called again after a restart on purpose."""

    async def start(self) -> None:
        """Load state from disk and start background work; the port already listens but does not serve yet."""

    async def stop(self) -> None:
        """Stop background work. Running pods and builds go on where the real system's would."""

    def endpoints(self) -> dict[str, Any]:
        """Return what a stranger needs to use this server (URL, credentials), for endpoints.json."""


@dataclass
class Context:
    """What every server is given."""

    state: Path
    authority: Authority
    journal: Journal
    faults: Faults
    ports: dict[str, int]
    passwords: dict[str, str]
    servers: dict[str, Server] = field(default_factory=dict)

    def folder(self, name: str) -> Path:
        """Return (and make) the folder of state of one server."""
        folder = self.state / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def url(self, name: str, scheme: str = "https") -> str:
        """Return the base URL of a server, without a slash at the end."""
        return f"{scheme}://127.0.0.1:{self.ports[name]}"

    def password(self, name: str, length: int = 20) -> str:
        """Return the secret of that name, made at random once and kept on disk (mode 600)."""
        if name not in self.passwords:
            self.passwords[name] = secrets.token_hex(length)
            _write_json(self.state / "passwords.json", self.passwords, mode=0o600)
        return self.passwords[name]


def _write_json(path: Path, content: Any, mode: int = 0o644) -> None:
    partial = path.with_suffix(".new")
    partial.touch(mode=mode)
    partial.write_text(json.dumps(content, indent=2))
    partial.replace(path)


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return content


def bind(preferred: int | None) -> socket.socket:
    """Return a listening socket on 127.0.0.1 at the preferred port, or at any free one."""
    for port in (preferred, 0) if preferred else (0,):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            listener.close()
            continue
        listener.listen(1024)
        return listener
    raise OSError("no free port on 127.0.0.1")


def guarded(context: Context, name: str) -> Handler:
    """Return the middleware that applies faults to, and journals, every request of one server."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        started = time.monotonic()
        note: dict[str, Any] = {}
        request["journal"] = note
        target = request.path_qs
        status: int | str = 0
        try:
            fault = context.faults.take(name, request.method, target, ("slow", "late", "status", "drop"))
            if fault is not None and fault.kind == "slow":
                await asyncio.sleep(fault.seconds)
            elif fault is not None and fault.kind == "late":
                handler = await _outliving(request, handler, fault.seconds)
            elif fault is not None and fault.kind == "status":
                status = fault.status
                headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after is not None else {}
                body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
                        "message": f"sandbox fault: {fault.status}", "code": fault.status}  # fmt: skip
                return web.json_response(body, status=fault.status, headers=headers)
            elif fault is not None:
                status = "dropped"
                _close(request)
            response: web.StreamResponse = await handler(request)
            status = response.status
            if context.faults.take(name, request.method, target, ("drop_after",)) is not None:
                status = f"{response.status} dropped"
                _close(request)
            return response
        except web.HTTPException as exc:
            status = exc.status
            raise
        except (ConnectionError, asyncio.CancelledError):
            status = status or "gone"
            raise
        finally:
            body = request._read_bytes  # noqa: SLF001 - what the handler has read; reading it here would be too late
            if body:
                note.setdefault("body_sha256", hashlib.sha256(body).hexdigest())
            context.journal.record(
                server=name, method=request.method, path=target, status=status,
                ms=round((time.monotonic() - started) * 1000, 1), agent=request.headers.get("User-Agent", ""), **note,
            )  # fmt: skip

    return middleware


async def _outliving(request: web.Request, handler: Handler, seconds: float) -> Handler:
    """Return the handler so that it begins late and runs to its end, whether its caller still waits or not."""
    await request.read()

    async def late() -> web.StreamResponse:
        await asyncio.sleep(seconds)
        response: web.StreamResponse = await handler(request)
        return response

    work = asyncio.ensure_future(late())
    _late.add(work)
    work.add_done_callback(_late.discard)

    async def wait(_request: web.Request) -> web.StreamResponse:
        return await asyncio.shield(work)

    return wait


def _close(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
    raise ConnectionResetError("sandbox fault: connection dropped")


class Host:
    """Runs the servers of one sandbox."""

    def __init__(self, state: Path) -> None:
        state.mkdir(parents=True, exist_ok=True)
        self.context = Context(
            state=state,
            authority=Authority(state / "tls"),
            journal=Journal(state / "journal.jsonl"),
            faults=Faults(),
            ports={},
            passwords=dict(_read_json(state / "passwords.json")),
        )
        self._sockets: dict[str, socket.socket] = {}
        self._runners: dict[str, web.AppRunner] = {}

    async def run(self, servers: list[Server], until: asyncio.Event, preferred: dict[str, int] | None = None) -> None:
        """Serve all `servers` until the event is set. Ports are kept from run to run where they are free."""
        known = {**(preferred or {}), **_read_json(self.context.state / "ports.json")}
        control = Control(self)
        for server in [*servers, control]:
            self._sockets[server.name] = bind(known.get(server.name))
            self.context.ports[server.name] = self._sockets[server.name].getsockname()[1]
            self.context.servers[server.name] = server
        _write_json(self.context.state / "ports.json", self.context.ports)
        started: list[Server] = []
        try:
            for server in [*servers, control]:
                await server.start()
                started.append(server)
                await self._serve(server)
            endpoints = {"ca": str(self.context.authority.ca_file)}
            endpoints |= {name: server.endpoints() for name, server in self.context.servers.items()}
            _write_json(self.context.state / "endpoints.json", endpoints, mode=0o600)
            await until.wait()
        finally:
            for server in reversed(started):
                if server.name in self._runners:
                    await self._runners.pop(server.name).cleanup()
                await server.stop()

    async def restart(self, name: str, down_for: float = 0.0) -> None:
        """Restart one server as its own process would: connections cut, memory gone, disk kept."""
        server = self.context.servers[name]
        await self._runners.pop(name).cleanup()
        await server.stop()
        await asyncio.sleep(down_for)
        self._sockets[name] = bind(self.context.ports[name])
        await server.start()
        await self._serve(server)

    async def _serve(self, server: Server) -> None:
        application = server.application()
        application._client_max_size = BODY_LIMIT  # noqa: SLF001 - only the constructor, in each server, could set it
        application.middlewares.insert(0, guarded(self.context, server.name))
        runner = web.AppRunner(application, access_log=None, handler_cancellation=True, shutdown_timeout=0.5)
        await runner.setup()
        tls = self.context.authority.server_context() if server.tls else None
        await web.SockSite(runner, self._sockets[server.name], ssl_context=tls).start()
        self._runners[server.name] = runner


class Control:
    """Journal, faults and restarts by HTTPS, for tests and the demonstration (bearer token `control`)."""

    name = "control"
    tls = True

    def __init__(self, host: Host) -> None:
        self._host = host

    async def start(self) -> None:
        """Nothing to load."""

    async def stop(self) -> None:
        """Nothing to stop."""

    def endpoints(self) -> dict[str, Any]:
        """Return the URL and the token of the control server."""
        context = self._host.context
        return {"url": context.url(self.name), "token": context.password("control")}

    def application(self) -> web.Application:
        """Return GET /journal, GET/POST/DELETE /faults, POST /restart/NAME."""
        context = self._host.context

        @web.middleware
        async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
            expected = f"Bearer {context.password('control')}"
            if not secrets.compare_digest(request.headers.get("Authorization", ""), expected):
                raise web.HTTPUnauthorized
            response: web.StreamResponse = await handler(request)
            return response

        async def journal(request: web.Request) -> web.Response:
            since = int(request.query.get("since", "0"))
            return web.json_response(context.journal.entries(server=request.query.get("server"), since=since))

        async def list_faults(_request: web.Request) -> web.Response:
            return web.json_response(context.faults.as_list())

        async def add_fault(request: web.Request) -> web.Response:
            try:
                fault = context.faults.add(**await request.json())
            except (ValueError, TypeError) as exc:
                raise web.HTTPBadRequest(text=str(exc)) from exc
            return web.json_response({"id": fault.id}, status=201)

        async def clear_faults(request: web.Request) -> web.Response:
            fault_id = request.query.get("id")
            context.faults.clear(int(fault_id) if fault_id else None)
            return web.Response(status=204)

        async def restart(request: web.Request) -> web.Response:
            name = request.match_info["name"]
            if name not in context.servers or name == self.name:
                raise web.HTTPNotFound(text=f"no server {name}")
            await self._host.restart(name, down_for=float(request.query.get("down_for", "0")))
            return web.Response(status=204)

        application = web.Application(middlewares=[authenticate])
        application.router.add_get("/journal", journal)
        application.router.add_get("/faults", list_faults)
        application.router.add_post("/faults", add_fault)
        application.router.add_delete("/faults", clear_faults)
        application.router.add_post("/restart/{name}", restart)
        return application
