"""Harbor's way with lists: `q` filters, `sort`, `page` and `page_size`, totals in headers.

https://goharbor.io/docs/latest/working-with-projects/ describes `q` as `k=v`, `k=~fuzzy` joined by commas.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from deploy.sandbox.harbor.errors import HarborError

LARGEST_PAGE = 100
Row = dict[str, Any]


def listed(
    request: web.Request, rows: list[Row], *, sort: str, values: dict[str, Callable[[Row], list[Any]]] | None = None
) -> web.Response:
    """Answer one page of `rows`; `values` says what a `q` key means where it is not a plain field.

    Raises:
        HarborError: BAD_REQUEST for a page, page size, sort or filter that makes no sense.
    """
    for term in filter(None, request.query.get("q", "").split(",")):
        rows = _filtered(rows, term, values or {})
    for key in reversed((request.query.get("sort") or sort).split(",")):
        name = key.lstrip("-")
        if rows and name not in rows[0]:
            raise HarborError("BAD_REQUEST", f"cannot sort by {name!r}")
        rows = sorted(rows, key=lambda row: row[name], reverse=key.startswith("-"))
    page, size = _number(request, "page", 1), _number(request, "page_size", 10)
    if page < 1 or not 1 <= size <= LARGEST_PAGE:
        raise HarborError("BAD_REQUEST", f"page must be at least 1 and page_size from 1 to {LARGEST_PAGE}")
    headers = {"X-Total-Count": str(len(rows))}
    links = [
        f'<{request.rel_url.raw_path}?{urlencode({**request.query, "page": other, "page_size": size})}>; rel="{rel}"'
        for rel, other in (("prev", page - 1), ("next", page + 1))
        if 1 <= other <= (len(rows) + size - 1) // size
    ]
    if links:
        headers["Link"] = " , ".join(links)
    return web.json_response(rows[(page - 1) * size : page * size], headers=headers)


def _number(request: web.Request, name: str, default: int) -> int:
    value = request.query.get(name, str(default))
    if not value.isdecimal():
        raise HarborError("BAD_REQUEST", f"{name} must be a number, not {value!r}")
    return int(value)


def _filtered(rows: list[Row], term: str, values: dict[str, Callable[[Row], list[Any]]]) -> list[Row]:
    key, separator, wanted = term.partition("=")
    key = key.strip()
    if not separator:
        raise HarborError("BAD_REQUEST", f"invalid query {term!r}: key=value is expected")
    if rows and key not in values and key not in rows[0]:
        raise HarborError("BAD_REQUEST", f"cannot filter by {key!r}")

    def matches(row: Row) -> bool:
        actual = [str(value) for value in (values[key](row) if key in values else [row[key]])]
        if wanted == "*":
            return bool(actual)
        if wanted == "nil":
            return not actual
        if wanted.startswith("~"):
            return any(wanted[1:] in value for value in actual)
        return wanted in actual

    return [row for row in rows if matches(row)]
