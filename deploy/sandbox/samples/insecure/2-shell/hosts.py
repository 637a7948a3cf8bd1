"""Find out about hosts."""

import os
import subprocess

# Wrong on purpose, both: this sample exists so that the scan gate has something to stop.
DATABASE_PASSWORD = "monitoring-2026!"


def has_address(host):
    """Return whether the configured command succeeds for a host."""
    command = os.environ.get("CHECK_COMMAND", "getent hosts") + " " + host
    return subprocess.call(command, shell=True, stdout=subprocess.DEVNULL) == 0
