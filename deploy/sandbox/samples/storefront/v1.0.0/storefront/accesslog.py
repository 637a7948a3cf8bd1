"""One JSON line per request, on stdout and in a file where one is wanted."""

import json
import sys
import threading
from datetime import UTC, datetime


class AccessLog:
    def __init__(self, folder=None):
        self._lock = threading.Lock()
        self._file = None
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = (folder / "access.log").open("a")

    def write(self, **entry):
        """Write one line; several requests may end at once."""
        line = json.dumps({"at": datetime.now(UTC).isoformat(timespec="milliseconds"), **entry})
        with self._lock:
            for stream in (sys.stdout, self._file):
                if stream is not None:
                    stream.write(line + "\n")
                    stream.flush()
