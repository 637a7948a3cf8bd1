"""The HTTP server: warm-up, health, pages, access log, and a stop that lets requests finish."""

import errno
import json
import signal
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from . import __version__
from .accesslog import AccessLog
from .pagecache import PageCache
from .pages import PAGES
from .settings import read_settings

WARM_UP_SECONDS = 1.0


class Server(ThreadingHTTPServer):
    daemon_threads = False  # closing the server waits for the requests that are being answered
    request_queue_size = 128

    def __init__(self, settings):
        self.settings = settings
        self.ready = threading.Event()
        self.log = AccessLog(settings.log_folder)
        super().__init__((settings.address, settings.port), Handler)

    def warm_up(self):
        """Load what the first customer should not wait for."""
        time.sleep(WARM_UP_SECONDS)
        self.ready.set()
        self.log.write(event="ready", version=__version__)
        PageCache(self.log).start()


class Handler(BaseHTTPRequestHandler):
    timeout = 10

    def do_GET(self):
        started = time.monotonic()
        url = urlsplit(self.path)
        status, body = self.answer(url.path, parse_qs(url.query))
        content = json.dumps(body).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        milliseconds = round((time.monotonic() - started) * 1000, 1)
        self.server.log.write(method="GET", path=url.path, status=status, ms=milliseconds)

    def answer(self, path, query):
        if path == "/healthz":
            return 200, {"status": "ok"}
        if not self.server.ready.is_set():
            return 503, {"error": "warming up"}
        if path == "/readyz":
            return 200, {"status": "ready"}
        page = PAGES.get(path)
        if page is None:
            return 404, {"error": f"there is no {path}"}
        return 200, page(self.server.settings, query)

    def log_message(self, format, *args):
        """Keep quiet: the access log has it."""


def open_server(settings):
    """Listen on the pod's own address, or on all where this machine does not have it."""
    try:
        return Server(settings)
    except OSError as exc:
        if exc.errno != errno.EADDRNOTAVAIL:
            raise
    return Server(replace(settings, address=""))


def main():
    server = open_server(read_settings())
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    serving.start()
    server.log.write(event="listening", address=server.server_address[0], port=server.server_address[1])
    threading.Thread(target=server.warm_up, daemon=True).start()
    stop.wait()
    server.log.write(event="stopping")
    server.shutdown()
    server.server_close()
    server.log.write(event="stopped")
    return 0
