"""Offset pagination as GitLab does it: https://docs.gitlab.com/api/rest/#offset-based-pagination."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from .errors import ApiError

DEFAULT_PER_PAGE = 20
MAX_PER_PAGE = 100


def page_of(request: web.Request) -> tuple[int, int]:
    """Return the wanted page number and its size.

    Raises:
        ApiError: one of them is no positive number.
    """
    numbers = []
    for name, default in (("page", 1), ("per_page", DEFAULT_PER_PAGE)):
        try:
            number = int(request.query.get(name, default))
        except ValueError as exc:
            raise ApiError(400, {"error": f"{name} is invalid"}) from exc
        if number < 1:
            raise ApiError(400, {"error": f"{name} does not have a valid value"})
        numbers.append(number)
    return numbers[0], min(numbers[1], MAX_PER_PAGE)


def paginated(request: web.Request, items: Sequence[Any]) -> web.Response:
    """Return one page of a list that is known as a whole, with the total."""
    page, size = page_of(request)
    pages = max(1, -(-len(items) // size))
    shown = items[(page - 1) * size : page * size]
    headers = _headers(request, page, size, more=page < pages)
    headers |= {"X-Total": str(len(items)), "X-Total-Pages": str(pages)}
    headers["Link"] += f', <{_address(request, pages)}>; rel="last"'
    return web.json_response(list(shown), headers=headers)


def paginated_without_total(request: web.Request, items: Sequence[Any]) -> web.Response:
    """Return one page that was read with one item too many; GitLab never counts commits."""
    page, size = page_of(request)
    return web.json_response(list(items[:size]), headers=_headers(request, page, size, more=len(items) > size))


def _headers(request: web.Request, page: int, size: int, *, more: bool) -> dict[str, str]:
    links = []
    if page > 1:
        links.append(f'<{_address(request, page - 1)}>; rel="prev"')
    if more:
        links.append(f'<{_address(request, page + 1)}>; rel="next"')
    links.append(f'<{_address(request, 1)}>; rel="first"')
    return {
        "X-Page": str(page),
        "X-Per-Page": str(size),
        "X-Prev-Page": str(page - 1) if page > 1 else "",
        "X-Next-Page": str(page + 1) if more else "",
        "Link": ", ".join(links),
    }


def _address(request: web.Request, page: int) -> str:
    # `request.url` would lose %2F in a project's path; the raw path keeps it.
    return f"{request.scheme}://{request.host}{request.rel_url.update_query(page=page)}"
