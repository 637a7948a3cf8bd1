"""`./slipway status`: what runs, since when, and where."""

from __future__ import annotations

import time

from deploy.local.console import table
from deploy.local.home import Home
from deploy.local.processes import Identity
from deploy.local.running import find_supervisor
from deploy.local.services import load_plan, load_statuses


def run(home: Home) -> int:
    """Print a table and return 0 where all is well, else 1."""
    supervisor = find_supervisor(home)
    statuses = load_statuses(home)
    rows = [("SERVICE", "STATE", "PID", "UPTIME", "RESTARTS", "ADDRESS")]
    well = supervisor is not None
    for service in load_plan(home).services:
        status = statuses.get(service.name)
        alive = bool(status and status.pid and Identity(status.pid, status.started, status.boot).is_alive())
        state = status.state if status and alive else "stopped" if not status or not status.pid else "dead"
        if status and status.state == "backing off" and supervisor is not None:
            state = f"backing off ({status.last_exit})"
        well = well and state == "ready"
        uptime = duration(time.time() - status.since) if status and alive else "-"
        restarts = str(status.restarts) if status else "0"
        rows.append(
            (
                service.name,
                state,
                str(status.pid) if status and alive else "-",
                uptime,
                restarts,
                service.address or "-",
            )
        )
    if len(rows) == 1:
        print("Nothing was started yet: ./slipway up")
        return 1
    print(table(rows))
    if supervisor is None:
        print("\nNo supervisor runs, so nothing is restarted: ./slipway up")
    return 0 if well else 1


def duration(seconds: float) -> str:
    """Return a duration in its two largest units."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
