"""The last hop of a build's callback: the sandbox forwards it, so that the fault `lost_webhook` can lose it.

Builds post to a path of ours, which names the build and proves by a HMAC that it is from it. What is posted is
passed on as it is, to the address in the build's parameter SLIPWAY_CALLBACK_URL.
"""

from __future__ import annotations

import hashlib
import hmac
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from deploy.sandbox.common.host import Context
from deploy.sandbox.jenkins.builds import Build
from deploy.sandbox.jenkins.items import Item

from .answers import BUILD, Site, find_build

TIMEOUT = aiohttp.ClientTimeout(total=5)
PASSED_ON = ("Content-Type", "User-Agent", "X-Slipway-Signature")


def callback_path(secret: str, build: Build) -> str:
    """Return the path that a build posts its callbacks to, without a slash before."""
    path = f"{Item(build.job, build.folder).path}{build.number}"
    proof = hmac.new(secret.encode(), path.encode(), hashlib.sha256).hexdigest()
    return f"sandbox/callback/{proof}/{path}"


class CallbackHandlers:
    """The last hop of callbacks."""

    def __init__(self, site: Site, context: Context) -> None:
        self._site = site
        self._context = context
        self._secret = context.password("jenkins-callbacks")

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.post(f"/sandbox/callback/{{proof:[0-9a-f]+}}{BUILD}", self.forward),
        ]

    async def forward(self, request: web.Request) -> web.Response:
        """Pass a build's callback on, unless a fault loses it."""
        build = find_build(self._site, request)
        if not hmac.compare_digest(request.path, f"/{callback_path(self._secret, build)}"):
            raise web.HTTPNotFound(text="Not Found")
        values = {value["name"]: value["value"] for value in build.asked["parameters"]}
        url = values.get("SLIPWAY_CALLBACK_URL", "")
        body = await request.read()
        request["journal"] |= {"item": build.job, "number": build.number, "forwarded_to": url}
        if self._context.faults.take("jenkins", "POST", urlsplit(url).path, ("lost_webhook",)):
            request["journal"]["lost"] = True
            return web.Response(status=202)
        headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        try:
            async with (
                aiohttp.ClientSession(timeout=TIMEOUT) as session,
                session.post(
                    url, data=body, headers=headers, ssl=self._context.authority.client_context(), allow_redirects=False
                ) as answer,
            ):
                return web.Response(status=answer.status, text=await answer.text())
        except (aiohttp.ClientError, TimeoutError, ValueError) as exc:
            raise web.HTTPBadGateway(text=f"not delivered: {exc}") from exc
