"""The application in the test image: answers HTTP on 8080 as its environment says."""

import http.server
import os
import signal
import sys
import time
import uuid

BOOT = uuid.uuid4().hex
STARTED = time.monotonic()


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status = 200
        if self.path == "/healthz" and time.monotonic() - STARTED < float(os.environ.get("READY_AFTER", "0")):
            status = 503
        if self.path == "/bad":
            status = 500
        if self.path == "/stream":
            return self.stream()
        if self.headers.get("Upgrade") == "echo":
            return self.echo()
        time.sleep(float(os.environ.get("SLOW", "0")))
        answer = (
            f"{os.environ.get('WHO', '')} {BOOT} {os.environ.get('POD_IP', '')} {self.headers.get('X-Forwarded-Host')}"
        )
        return self.answer(status, answer.encode())

    def do_POST(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.answer(200, body[::-1])

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def stream(self):
        self.send_response(200)
        self.end_headers()
        for number in range(3):
            self.wfile.write(b"%d\n" % number)
            self.wfile.flush()
            time.sleep(0.2)

    def echo(self):
        self.wfile.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
        while line := self.rfile.readline():
            self.wfile.write(b"echo " + line)
            self.wfile.flush()
        self.close_connection = True

    def log_message(self, *_arguments):
        pass


def stop(_number, _frame):
    sys.stdout.write("got SIGTERM\n")
    sys.stdout.flush()
    if os.environ.get("STUBBORN"):
        return
    os._exit(0)


if __name__ == "__main__":
    sys.stderr.write("starting\n")
    time.sleep(float(os.environ.get("START_AFTER", "0")))
    server = http.server.ThreadingHTTPServer((os.environ.get("POD_IP", ""), 8080), Handler)
    signal.signal(signal.SIGTERM, stop)
    server.serve_forever()
