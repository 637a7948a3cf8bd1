"""Jobs and folders: create, describe, configure, delete."""

from __future__ import annotations

from typing import NoReturn

from aiohttp import web

from deploy.sandbox.jenkins import definitions
from deploy.sandbox.jenkins.access import USER
from deploy.sandbox.jenkins.items import AlreadyExists, BadName, NoParent

from .answers import ITEM, Site, as_json, find_item, is_deep, names, page

STOPPING_SECONDS = 15.0  # how long Jenkins waits for the builds of a job that is deleted


class ItemHandlers:
    """Jobs and folders."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.post("/createItem", self.create),
            web.post(f"{ITEM}/createItem", self.create),
            web.get(f"{ITEM}/api/json", self.describe),
            web.get(f"{ITEM}/", self.show),
            web.get(f"{ITEM}/config.xml", self.get_config),
            web.post(f"{ITEM}/config.xml", self.set_config),
            web.post(f"{ITEM}/doDelete", self.delete),
            web.delete(f"{ITEM}/", self.delete),
        ]

    async def create(self, request: web.Request) -> web.Response:
        """Create a job from XML, or a folder from a form."""
        parent = names(request.match_info.get("item", ""))
        if request.content_type == "application/x-www-form-urlencoded":
            form = await request.post()
            if form.get("mode") != definitions.FOLDER:
                _refuse("only folders can be created from a form here")
            name, xml = request.query.get("name") or str(form.get("name", "")), definitions.FOLDER_XML
        else:
            name, xml = request.query.get("name", ""), await request.text()
        request["journal"]["item"] = f"{parent}/{name}".strip("/")
        try:
            self._site.items.create(parent, name, xml)
        except NoParent as exc:
            raise web.HTTPNotFound(text="Not Found") from exc
        except (AlreadyExists, BadName) as exc:
            _refuse(str(exc))
        except definitions.BadDefinition as exc:
            raise web.HTTPInternalServerError(text=str(exc)) from exc
        return web.Response()

    async def describe(self, request: web.Request) -> web.Response:
        """Answer a job or a folder."""
        all_builds = "allBuilds" in request.query.get("tree", "")
        item = find_item(self._site, request)
        return as_json(request, self._site.shapes.item(item, deep=is_deep(request), all_builds=all_builds))

    async def show(self, request: web.Request) -> web.Response:
        """Answer the page of an item."""
        return page(find_item(self._site, request).full_name)

    async def get_config(self, request: web.Request) -> web.Response:
        """Answer config.xml."""
        return web.Response(text=find_item(self._site, request).xml, content_type="application/xml")

    async def set_config(self, request: web.Request) -> web.Response:
        """Replace config.xml."""
        item = find_item(self._site, request)
        request["journal"]["item"] = item.full_name
        try:
            item.configure(await request.text())
        except definitions.BadDefinition as exc:
            raise web.HTTPInternalServerError(text=str(exc)) from exc
        return web.Response()

    async def delete(self, request: web.Request) -> web.Response:
        """Stop an item's builds and remove it with all below it."""
        item = find_item(self._site, request)
        request["journal"]["item"] = item.full_name
        doomed = {item.full_name, *(child.full_name for child in self._site.items.walk(item))}
        for entry in self._site.queue.waiting:
            if entry.job in doomed:
                await self._site.queue.cancel(entry)
        for build in self._site.queue.running.values():
            if build.job in doomed:
                build.stop(request[USER])
        if not await self._site.queue.until_ended(doomed, STOPPING_SECONDS):
            raise web.HTTPInternalServerError(text=f"Failed to interrupt and stop the builds of {item.full_name}")
        self._site.items.delete(item)
        self._site.credentials.drop_folder(item.full_name)
        raise web.HTTPFound(self._site.shapes.root)


def _refuse(reason: str) -> NoReturn:
    """End the request as Jenkins does for a name it refuses: 400 with the reason in X-Error."""
    header = reason.encode("ascii", "replace").decode()
    raise web.HTTPBadRequest(text=reason, headers={"X-Error": header})
