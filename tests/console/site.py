"""A small site around the shell, for tests of its scripts in a real browser: pages, a stream, fragments, a search."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import uvicorn
from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django import forms
from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.template import engines
from django.test import override_settings
from django.urls import path

from apps.console.gallery import examples

# Stricter than the product's: the design system needs no inline style either.
POLICY = "default-src 'self'; img-src 'self' data:"

PAGE = """{% extends "base.html" %}{% load slipway %}
{% block content %}
<div id="region" data-live="deployment:1" data-fragment="/fragment">{% include "fragment" %}</div>
<table data-rows><tbody><tr><td><a href="#row-1">one</a></td></tr><tr><td><a href="#row-2">two</a></td></tr></tbody></table>
<form method="post" action="/posted" id="plain"><button name="verb" value="go">Go</button>{% csrf_token %}</form>
<form method="post" action="/posted" id="danger">{% csrf_token %}
  <button data-confirm="Roll back web?" data-confirm-verb="Roll back to v41" data-confirm-name="web">Roll back</button></form>
<form method="post" action="/posted" id="guarded" data-guard data-draft="x" data-preview="/preview" data-preview-into="#preview">
  {% csrf_token %}{% include "components/draft_offer.html" %}<input name="name" value="web"><button>Save</button></form>
<div id="preview"></div>
{% copy "sha256:0123456789" "0123" "digest" %}
{% endblock %}"""

LOG_PAGE = """{% extends "base.html" %}{% block content %}
{% include "components/log.html" with log_id="log" title="web" stream="/log" %}{% endblock %}"""

FRAGMENT = """<p id="count">count {{ count }}</p><input id="typed" value="server {{ count }}">
<details id="more"><summary>more</summary>inside</details><p id="words">words to select</p>
<span data-page-title="Deploying {{ count }}" data-page-tone="blue"></span>"""


class State:
    """What the pages saw, and whom the stream tells."""

    def __init__(self) -> None:
        self.count = 0
        self.posted: list[dict[str, str]] = []
        self.listeners: list[asyncio.Queue[list[str] | None]] = []
        self.loop: asyncio.AbstractEventLoop | None = None
        self.signed_in = True
        self.stream_up = True

    def tell(self, message: list[str] | None) -> None:
        """Send topics to every open stream; None ends the streams."""
        assert self.loop is not None
        for queue in list(self.listeners):
            self.loop.call_soon_threadsafe(queue.put_nowait, message)


state = State()


class Someone:
    """Stands for authentication, which is no part of these tests."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response
        markcoroutinefunction(self)
        assert iscoroutinefunction(get_response)

    async def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.user = SimpleNamespace(theme="system", is_superuser=True, is_authenticated=True)  # type: ignore[assignment]
        response: HttpResponseBase = await self.get_response(request)
        response.headers["Content-Security-Policy"] = POLICY
        return response


def navigation(request: HttpRequest) -> dict[str, Any]:
    return {"nav": {"section": "home", "projects": [], "project": None}}


def _fragment() -> str:
    return engines["django"].from_string(FRAGMENT).render({"count": state.count})


def page(request: HttpRequest) -> HttpResponse:
    source = PAGE.replace('{% include "fragment" %}', _fragment())
    return HttpResponse(engines["django"].from_string(source).render({}, request))


def log_page(request: HttpRequest) -> HttpResponse:
    return HttpResponse(engines["django"].from_string(LOG_PAGE).render({}, request))


def gallery(request: HttpRequest) -> HttpResponse:
    return render(request, "console/gallery.html", examples())


class SignIn(forms.Form):
    username = forms.CharField()
    password = forms.CharField(widget=forms.PasswordInput)


def login(request: HttpRequest) -> HttpResponse:
    return render(request, "registration/login.html", {"form": SignIn(), "next": "/"})


def fragment(request: HttpRequest) -> HttpResponse:
    return HttpResponse(_fragment(), status=200 if state.signed_in else 403)


async def posted(request: HttpRequest) -> HttpResponse:
    state.posted.append({name: str(value) for name, value in request.POST.items() if name != "csrfmiddlewaretoken"})
    await asyncio.sleep(0.4)  # long enough to press twice
    return HttpResponse("<title>posted</title>")


def preview(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"<code>name: {request.POST['name']}</code>", status=422)


def search(request: HttpRequest) -> JsonResponse:
    result = {"title": "storefront", "subtitle": "demo", "url": f"#found-{request.GET['q']}", "icon": "box"}
    return JsonResponse({"groups": [{"label": "Applications", "results": [result]}]})


async def stream(request: HttpRequest) -> HttpResponseBase:
    if not state.stream_up:
        return HttpResponse(status=503)
    state.loop = asyncio.get_running_loop()
    queue: asyncio.Queue[list[str] | None] = asyncio.Queue()

    listeners = state.listeners  # the next test begins with a new list

    async def messages() -> AsyncIterator[str]:
        listeners.append(queue)
        try:
            yield ": hello\n\n"
            while (message := await queue.get()) is not None:
                yield f"data: {json.dumps(message)}\n\n"
        finally:
            listeners.remove(queue)

    return StreamingHttpResponse(messages(), content_type="text/event-stream")


async def log(request: HttpRequest) -> HttpResponseBase:
    async def messages() -> AsyncIterator[str]:
        yield f"data: {json.dumps({'lines': [f'line {n}' for n in range(6000)]})}\n\n"
        yield f"data: {json.dumps({'lines': [{'text': chr(27) + '[31mTraceback: boom' + chr(27) + '[0m', 'source': 'web-1'}]})}\n\n"
        yield "event: end\ndata: {}\n\n"

    return StreamingHttpResponse(messages(), content_type="text/event-stream")


urlpatterns = [
    path("", page),
    path("gallery", gallery),
    path("log-page", log_page),
    path("login", login),
    path("fragment", fragment),
    path("posted", posted),
    path("preview", preview),
    path("search", search),
    path("stream/events", stream),
    path("log", log),
]


@contextmanager
def served() -> Iterator[str]:
    """Serve the site from a thread on a free port; yields its address."""
    templates = [dict(settings.TEMPLATES[0])]
    templates[0]["OPTIONS"] = {
        "context_processors": [
            "django.template.context_processors.request",
            "django.template.context_processors.i18n",
            "tests.console.site.navigation",
        ]
    }
    with override_settings(
        ROOT_URLCONF="tests.console.site",
        MIDDLEWARE=["tests.console.site.Someone"],
        TEMPLATES=templates,
        ALLOWED_HOSTS=["127.0.0.1"],
    ):
        application = ASGIStaticFilesHandler(get_asgi_application())
        config = uvicorn.Config(
            application, host="127.0.0.1", port=0, log_level="error", lifespan="off", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            thread.join(0.02)
            assert thread.is_alive(), "the test site did not start"
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
        if state.listeners:
            state.tell(None)
        server.should_exit = True
        thread.join(10)
