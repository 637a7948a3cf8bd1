"""Work through jobs until told to stop."""

import os
import signal
import tempfile
import threading
from pathlib import Path

from jobs import work

HEARTBEAT = Path(os.environ.get("HEARTBEAT_FILE", Path(tempfile.gettempdir()) / "heartbeat"))

if __name__ == "__main__":
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    number = 0
    while not stop.wait(float(os.environ.get("JOB_SECONDS", "1"))):
        number += 1
        print(f"job={number} result={work(number)}", flush=True)
        HEARTBEAT.touch()
    print(f"stopped after {number} jobs", flush=True)
