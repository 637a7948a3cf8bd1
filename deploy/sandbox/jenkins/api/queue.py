"""The build queue: list, one item, cancel."""

from __future__ import annotations

from aiohttp import web

from .answers import Site, as_json


class QueueHandlers:
    """The build queue."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.get("/queue/api/json", self.describe),
            web.get(r"/queue/item/{number:\d+}/api/json", self.item),
            web.post("/queue/cancelItem", self.cancel),
        ]

    async def describe(self, request: web.Request) -> web.Response:
        """Answer what waits."""
        return as_json(request, self._site.shapes.queue())

    async def item(self, request: web.Request) -> web.Response:
        """Answer an item that waits or left a short while ago."""
        entry = self._site.queue.find(int(request.match_info["number"]))
        if entry is None:
            raise web.HTTPNotFound(text="Not Found")
        return as_json(request, self._site.shapes.queue_item(entry))

    async def cancel(self, request: web.Request) -> web.Response:
        """Take an item out of the queue."""
        number = request.query.get("id", "")
        request["journal"]["queue_id"] = number
        entry = self._site.queue.find(int(number)) if number.isdigit() else None
        if entry is None:
            raise web.HTTPNotFound(text=f"Provided id ({number}) not found")
        if not await self._site.queue.cancel(entry):
            raise web.HTTPInternalServerError(text=f"Could not cancel run with id {number}")
        return web.Response(status=204)
