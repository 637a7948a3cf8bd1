"""Clone, fetch and push by git's smart HTTP protocol, on git's own stateless-rpc programs.

https://git-scm.com/docs/http-protocol. `git http-backend` would do the same, but small git packages lack it.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import re
from collections.abc import AsyncIterator

from aiohttp import web

from .git import Git, end
from .writing import ZERO, Change

SERVICES = {"git-upload-pack": "upload-pack", "git-receive-pack": "receive-pack"}
CHUNK = 64 * 1024
NO_CACHE = {"Cache-Control": "no-cache, max-age=0, must-revalidate", "Pragma": "no-cache"}


def basic_password(request: web.Request) -> str:
    """Return the password of Basic credentials; GitLab takes a token there, under any user name."""
    kind, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "basic":
        return ""
    try:
        return base64.b64decode(encoded, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _protocol(request: web.Request) -> dict[str, str]:
    protocol = request.headers.get("Git-Protocol", "")
    return {"GIT_PROTOCOL": protocol} if re.fullmatch(r"[a-z0-9=:.-]{1,64}", protocol) else {}


async def advertise(request: web.Request, git: Git, service: str) -> web.Response:
    """Answer `GET info/refs?service=…`."""
    refs = await git.run(
        SERVICES[service], "--stateless-rpc", "--advertise-refs", str(git.folder), environment=_protocol(request)
    )
    line = f"# service={service}\n"
    body = f"{len(line) + 4:04x}{line}0000".encode() + refs
    return web.Response(body=body, content_type=f"application/x-{service}-advertisement", headers=NO_CACHE)


async def upload(request: web.Request, git: Git) -> web.StreamResponse:
    """Answer `POST git-upload-pack` (clone, fetch), streaming both ways."""
    response = web.StreamResponse(headers=NO_CACHE)
    response.content_type = "application/x-git-upload-pack-result"
    async with _running(request, git, "git-upload-pack") as output:
        await response.prepare(request)
        while chunk := await output.read(CHUNK):
            await response.write(chunk)
    await response.write_eof()
    return response


async def receive(request: web.Request, git: Git) -> web.Response:
    """Answer `POST git-receive-pack` (push).

    The short report is held back until git is done: a client hangs up as soon as it has read it.
    """
    async with _running(request, git, "git-receive-pack") as output:
        report = await output.read()
    return web.Response(body=report, content_type="application/x-git-receive-pack-result", headers=NO_CACHE)


@contextlib.asynccontextmanager
async def _running(request: web.Request, git: Git, service: str) -> AsyncIterator[asyncio.StreamReader]:
    """Run a service on the request's body and give its output; whoever leaves early ends it."""
    process = await git.start(
        SERVICES[service], "--stateless-rpc", str(git.folder), environment=_protocol(request),
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    feeding = asyncio.create_task(_feed(request, process.stdin))
    try:
        yield process.stdout
        await feeding
        await process.wait()
    finally:
        feeding.cancel()
        if process.returncode is None:
            await end(process)


async def _feed(request: web.Request, stdin: asyncio.StreamWriter) -> None:
    try:
        async for chunk in request.content.iter_chunked(CHUNK):
            stdin.write(chunk)
            await stdin.drain()
    except (BrokenPipeError, ConnectionResetError):
        return  # git has read what it wants
    finally:
        stdin.close()


def changes(before: dict[str, str], after: dict[str, str]) -> list[Change]:
    """Return which refs a push moved."""
    names = sorted(before.keys() | after.keys())
    moved = [Change(name, before.get(name, ZERO), after.get(name, ZERO)) for name in names]
    return [change for change in moved if change.before != change.after]
