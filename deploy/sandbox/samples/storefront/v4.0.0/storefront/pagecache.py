"""Rendered pages, kept in memory."""

import threading
import time

PAGE_BYTES = 256 * 1024
PAGES_AT_ONCE = 24
SECONDS_BETWEEN = 0.4


class PageCache:
    def __init__(self, log):
        self._log = log
        self._pages = {}
        self._version = 0

    def start(self):
        """Render ahead of the requests, in the background."""
        threading.Thread(target=self._render_ahead, daemon=True).start()

    def _render_ahead(self):
        while True:
            time.sleep(SECONDS_BETWEEN)
            self._version += 1
            for number in range(PAGES_AT_ONCE):
                # The key has the version, so that nobody ever sees an old page.
                self._pages[(self._version, number)] = self._render(number)
            mebibytes = len(self._pages) * PAGE_BYTES // 1024 // 1024
            self._log.write(event="cache", pages=len(self._pages), mebibytes=mebibytes)

    @staticmethod
    def _render(number):
        return (f"<html><body>Page {number}</body></html>".ljust(1024) * (PAGE_BYTES // 1024)).encode()
