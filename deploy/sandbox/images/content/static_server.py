#!/usr/bin/env python3
"""Serve the files below a folder over HTTP until SIGTERM: `static_server [FOLDER]` (default /srv), port $PORT or 8080.

`/healthz` answers 200. A folder answers with its index.html and never with a list. Access lines are JSON.
"""

import functools
import http.server
import json
import os
import signal
import sys
import threading
import time


class Files(http.server.SimpleHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    server_version = "static"

    def do_GET(self):
        """Answer a GET."""
        if self.path == "/healthz":
            self.send_response(200)
            self.send_header("Content-Length", "3")
            self.end_headers()
            self.wfile.write(b"ok\n")
        else:
            super().do_GET()

    def list_directory(self, _path):
        """Refuse to list a folder."""
        self.send_error(404)

    def log_request(self, code="-", _size="-"):
        """Write one JSON line."""
        line = {"time": round(time.time(), 3), "method": self.command, "path": self.path, "status": int(code)}
        sys.stdout.write(f"{json.dumps(line)}\n")
        sys.stdout.flush()


class Server(http.server.ThreadingHTTPServer):
    """Finishes the requests in progress before it ends."""

    daemon_threads = False


def main(folder):
    """Serve until SIGTERM."""
    address = (os.environ.get("POD_IP", "0.0.0.0"), int(os.environ.get("PORT", "8080")))
    server = Server(address, functools.partial(Files, directory=folder))
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever()
    server.server_close()


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "/srv")
