"""What all doors share: the site they work on, JSON with `tree`, and finding what a path names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from deploy.sandbox.jenkins import tree
from deploy.sandbox.jenkins.access import Access
from deploy.sandbox.jenkins.builds import Build
from deploy.sandbox.jenkins.credentials import Credentials
from deploy.sandbox.jenkins.items import Item, Items
from deploy.sandbox.jenkins.queue import Queue
from deploy.sandbox.jenkins.shapes import PERMALINKS, Shapes

ITEM = "/{item:job/[^/]+(?:/job/[^/]+)*}"
BUILD = f"{ITEM}/{{build:\\d+|{'|'.join(PERMALINKS)}}}"


@dataclass(frozen=True)
class Site:
    """What the doors work on."""

    items: Items
    queue: Queue
    credentials: Credentials
    shapes: Shapes
    access: Access


def names(path: str) -> str:
    """Return the full name of the item at `job/a/job/b`, as the address has it."""
    return "/".join(unquote(part) for part in path.split("/")[1::2])


def find_item(site: Site, request: web.Request) -> Item:
    """Return the item that the path names.

    Raises:
        HTTPNotFound: there is none.
    """
    item = site.items.find(names(request.match_info["item"]))
    if item is None:
        raise web.HTTPNotFound(text="Not Found")
    return item


def find_build(site: Site, request: web.Request) -> Build:
    """Return the build that the path names by number or by permalink.

    Raises:
        HTTPNotFound: there is none.
    """
    item, name = find_item(site, request), request.match_info["build"]
    if name.isdigit():
        build = item.build(int(name))
    else:
        build = next((build for build in item.builds() if PERMALINKS[name](build.end)), None)
    if build is None:
        raise web.HTTPNotFound(text="Not Found")
    return build


def is_deep(request: web.Request) -> bool:
    """Return whether the query wants more than references: `depth=1` or any `tree`."""
    return "tree" in request.query or request.query.get("depth", "0") != "0"


def as_json(request: web.Request, shape: dict[str, Any]) -> web.Response:
    """Return the shape, or what the query's `tree` wants of it.

    Raises:
        HTTPBadRequest: the tree is malformed.
    """
    try:
        wanted = tree.parse(request.query.get("tree", ""))
    except tree.BadTree as exc:
        raise web.HTTPBadRequest(text=str(exc)) from exc
    return web.json_response(tree.select(shape, wanted))


def page(title: str) -> web.Response:
    """Return the page that browsers, and clients that follow a redirect, get."""
    return web.Response(text=f"<!doctype html><title>{title} [Jenkins sandbox]</title>", content_type="text/html")
