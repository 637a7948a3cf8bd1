"""What a service is: a command, where it answers, and how to know that it is ready. Kept as JSON in `run/plan.json`."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from .home import Home, read_json, write_json

Readiness = Literal["alive", "postgres", "redis", "http", "file", "line"]


@dataclass(frozen=True)
class Service:
    """One process to keep running."""

    name: str
    command: list[str]
    folder: str
    environment: dict[str, str] = field(default_factory=dict)
    needs: list[str] = field(default_factory=list)
    address: str = ""
    port: int = 0
    # How to see that it is ready: "alive" for a moment, or what `readiness.py` says about the other words.
    ready: Readiness = "alive"
    ready_detail: str = ""
    password: str = ""
    uid: int | None = None
    gid: int | None = None
    stop_signal: str = "SIGTERM"
    grace: float = 10.0
    stamp: str = ""  # changes with the service's code, so that `up` restarts what is old

    @property
    def fingerprint(self) -> str:
        """Return what changes when a running process is no longer what is wanted."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Plan:
    """The services that shall run, in the order in which they start."""

    services: list[Service]

    def save(self, home: Home) -> None:
        """Write the plan; the supervisor follows it from then on."""
        write_json(plan_path(home), {"services": [asdict(service) for service in self.services]})


def plan_path(home: Home) -> Path:
    """Return where the plan is."""
    return home.run / "plan.json"


def load_plan(home: Home) -> Plan:
    """Return the plan; none is an empty one."""
    content: dict[str, Any] = read_json(plan_path(home)) or {"services": []}
    return Plan([Service(**service) for service in content["services"]])


@dataclass
class Status:
    """What the supervisor knows of a service. Kept as JSON in `run/services/NAME.json`."""

    name: str
    state: str = "waiting"  # waiting, starting, ready, backing off, stopped
    pid: int = 0
    started: int = 0
    boot: str = ""
    fingerprint: str = ""
    since: float = 0.0
    failures: int = 0  # in a row, since it was last well
    restarts: int = 0
    last_exit: str = ""
    log_offset: int = 0

    def save(self, home: Home) -> None:
        """Write it down, for `status` and for the next supervisor."""
        folder = home.run / "services"
        folder.mkdir(exist_ok=True)
        write_json(folder / f"{self.name}.json", asdict(self))


def load_statuses(home: Home) -> dict[str, Status]:
    """Return what was last known of every service."""
    found = (read_json(path) for path in sorted((home.run / "services").glob("*.json")))
    return {content["name"]: Status(**content) for content in found if content}
