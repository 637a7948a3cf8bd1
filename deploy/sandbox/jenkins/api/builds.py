"""Builds: start, describe, follow the console, stages, stop, artifacts."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from deploy.sandbox.jenkins import definitions
from deploy.sandbox.jenkins.access import USER

from .answers import BUILD, ITEM, Site, as_json, find_build, find_item, page


class BuildHandlers:
    """Builds, and how they are asked for."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.post(f"{ITEM}/build", self.build),
            web.post(f"{ITEM}/buildWithParameters", self.build_with_parameters),
            web.get(f"{BUILD}/api/json", self.describe),
            web.get(f"{BUILD}/", self.show),
            web.get(f"{BUILD}/consoleText", self.console),
            *(web.get(f"{BUILD}/{path}", self.progressive) for path in ("logText/progressiveText", "progressiveText")),
            *(web.post(f"{BUILD}/{path}", self.progressive) for path in ("logText/progressiveText", "progressiveText")),
            *(web.get(f"{BUILD}/{path}", self.stages) for path in ("wfapi/describe", "wfapi/describe/")),
            web.post(f"{BUILD}/stop", self.stop),
            web.get(f"{BUILD}/artifact/{{path:.+}}", self.artifact),
        ]

    def _queued(self, request: web.Request, parameters: dict[str, str] | None) -> web.Response:
        item = find_item(self._site, request)
        definition = item.definition()
        if definition.kind == definitions.FOLDER:
            raise web.HTTPNotFound(text="Not Found")
        if definition.disabled:
            raise web.HTTPConflict(text=f"{item.full_name} is not buildable")
        try:
            values = definition.values(parameters or {})
        except definitions.BadValue as exc:
            raise web.HTTPInternalServerError(text=str(exc)) from exc
        shown = [parameter.value_shape(values[parameter.name]) for parameter in definition.parameters]
        entry = self._site.queue.enqueue(item.full_name, shown, request[USER])
        request["journal"] |= {"item": item.full_name, "queue_id": entry.id}
        if "SLIPWAY_BUILD_ID" in values:
            request["journal"]["build_id"] = values["SLIPWAY_BUILD_ID"]
        return web.Response(status=201, headers={"Location": f"{self._site.shapes.root}queue/item/{entry.id}/"})

    async def build(self, request: web.Request) -> web.Response:
        """Ask for a build of a job without parameters."""
        if find_item(self._site, request).definition().parameters:
            raise web.HTTPBadRequest(text="Nothing is submitted")
        return self._queued(request, None)

    async def build_with_parameters(self, request: web.Request) -> web.Response:
        """Ask for a build, parameters from the query and the form."""
        if not find_item(self._site, request).definition().parameters:
            raise web.HTTPInternalServerError(text="This build is not parameterized!")
        form = {name: str(value) for name, value in (await request.post()).items()}
        return self._queued(request, {**request.query, **form})

    async def describe(self, request: web.Request) -> web.Response:
        """Answer a build."""
        return as_json(request, self._site.shapes.build(find_build(self._site, request)))

    async def show(self, request: web.Request) -> web.Response:
        """Answer the page of a build."""
        found = find_build(self._site, request)
        return page(f"{found.job} #{found.number}")

    async def stages(self, request: web.Request) -> web.Response:
        """Answer the stages of a build."""
        return as_json(request, self._site.shapes.stages(find_build(self._site, request)))

    async def console(self, request: web.Request) -> web.Response:
        """Answer the whole console."""
        log = find_build(self._site, request).log.read_bytes()
        return web.Response(body=log, content_type="text/plain", charset="utf-8")

    async def progressive(self, request: web.Request) -> web.Response:
        """Answer the log from `start` on; X-More-Data says that the build still writes."""
        found = find_build(self._site, request)
        # Read in this order: what is written between the two is fetched by the next call.
        more = found.end is None
        size = found.log.stat().st_size
        try:
            start = int(request.query.get("start", "0"))
        except ValueError as exc:
            raise web.HTTPBadRequest(text="start is no number") from exc
        start = start if 0 <= start <= size else 0  # beyond the end means that the log was rolled over
        with found.log.open("rb") as log:
            log.seek(start)
            text = log.read(size - start)
        headers = {"X-Text-Size": str(size)} | ({"X-More-Data": "true"} if more else {})
        return web.Response(body=text, headers=headers, content_type="text/plain", charset="utf-8")

    async def stop(self, request: web.Request) -> web.Response:
        """Stop a build, as a person does."""
        found = find_build(self._site, request)
        request["journal"] |= {"item": found.job, "number": found.number}
        found.stop(request[USER])
        raise web.HTTPFound(self._site.shapes.build_url(found))

    async def artifact(self, request: web.Request) -> web.StreamResponse:
        """Answer an archived file."""
        found = find_build(self._site, request)
        wanted = str(Path(request.match_info["path"]))
        if wanted not in found.artifacts():
            raise web.HTTPNotFound(text="Not Found")
        return web.FileResponse(found.archive / wanted)
