"""The process that keeps the services of `run/plan.json` running: `python -m deploy.local.supervisor STATE`.

Every quarter of a second: read the plan if it changed -> stop what is not wanted or not as wanted -> start what
is missing (after what it needs, with growing pauses after failures) -> see what became ready -> write it down.
Services are sessions of their own and outlive a killed supervisor; the next one finds them by pid and start
time and takes them over as they are. SIGTERM stops everything in reverse order.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from .home import Home, write_json
from .processes import Identity, identify, kill_session, listens
from .readiness import is_ready
from .services import Plan, Service, Status, load_plan, load_statuses, plan_path

TICK = 0.1
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0
WELL_AFTER = 20.0  # a service that was ready this long has earned a fresh start
LOG_LIMIT = 8 * 1024 * 1024
LOGS_KEPT = 3
LOG_CHECK_SECONDS = 5.0


class Supervisor:
    """Follows the plan of one state folder."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._statuses: dict[str, Status] = load_statuses(home)
        self._known: dict[str, Service] = {}
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._not_before: dict[str, float] = {}
        self._stopping = False
        self._plan_seen = 0
        self._plan = Plan([])

    def run(self) -> None:
        """Supervise until told to stop."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        me = identify(os.getpid())
        assert me is not None
        write_json(supervisor_path(self._home), {"pid": me.pid, "started": me.started, "boot": me.boot})
        next_log_check = 0.0
        while not self._stopping:
            self._read_plan()
            for service in self._plan.services:
                self._look_after(service)
            if time.monotonic() > next_log_check:
                self._rotate_logs()
                next_log_check = time.monotonic() + LOG_CHECK_SECONDS
            time.sleep(TICK)
        self._stop_all()
        supervisor_path(self._home).unlink(missing_ok=True)

    def _stop(self, *_: Any) -> None:
        self._stopping = True

    def _read_plan(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            seen = plan_path(self._home).stat().st_mtime_ns
            if seen == self._plan_seen:
                return
            self._plan_seen = seen
            self._plan = load_plan(self._home)
            wanted = {service.name: service for service in self._plan.services}
            for name in reversed(list(self._statuses)):
                status = self._statuses[name]
                if name not in wanted:
                    self._end(status, self._known.get(name))
                elif status.fingerprint != wanted[name].fingerprint:
                    self._end(status, self._known.get(name))
                    status.failures, status.restarts = 0, 0
                    self._not_before.pop(name, None)
            self._known |= wanted

    def _identity(self, status: Status) -> Identity | None:
        return Identity(status.pid, status.started, status.boot) if status.pid else None

    def _look_after(self, service: Service) -> None:
        status = self._statuses.setdefault(service.name, Status(service.name))
        self._reap(service.name)
        identity = self._identity(status)
        if identity is not None and identity.is_alive():
            self._watch(service, status)
            return
        if identity is not None:
            kill_session(identity)  # what its leader left behind would hold its port
            self._mourn(service, status)
        if time.monotonic() >= self._not_before.get(service.name, 0.0) and self._needs_are_met(service):
            self._start(service, status)

    def _reap(self, name: str) -> None:
        child = self._children.get(name)
        if child is not None and child.poll() is not None:
            code = child.returncode
            self._statuses[name].last_exit = f"signal {-code}" if code < 0 else f"exit code {code}"
            del self._children[name]

    def _watch(self, service: Service, status: Status) -> None:
        age = time.time() - status.since
        if status.state == "ready":
            if status.failures and age > WELL_AFTER:
                status.failures = 0
                status.save(self._home)
        elif self._holds_its_port(service, status) and is_ready(
            service, age=age, log=self._log(service.name), log_offset=status.log_offset
        ):
            status.state = "ready"
            status.save(self._home)

    def _holds_its_port(self, service: Service, status: Status) -> bool:
        """Return False where nobody, or somebody else who took it in between, answers at the service's port."""
        identity = self._identity(status)
        # Another user's open files cannot always be seen, not even by root.
        return not service.port or service.uid is not None or (identity is not None and listens(identity, service.port))

    def _mourn(self, service: Service, status: Status) -> None:
        """Write down that a service ended by itself, and when to try again."""
        status.failures += 1
        status.restarts += 1
        status.state, status.pid = "backing off", 0
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (status.failures - 1))
        self._not_before[service.name] = time.monotonic() + pause
        status.save(self._home)

    def _needs_are_met(self, service: Service) -> bool:
        return all(need in self._statuses and self._statuses[need].state == "ready" for need in service.needs)

    def _log(self, name: str) -> Path:
        return self._home.logs / f"{name}.log"

    def _start(self, service: Service, status: Status) -> None:
        status.fingerprint = service.fingerprint
        if service.ready == "file":
            Path(service.ready_detail).unlink(missing_ok=True)
        with self._log(service.name).open("ab") as log:
            status.log_offset = log.tell()
            try:
                child = subprocess.Popen(
                    service.command, cwd=service.folder, env=service.environment, stdin=subprocess.DEVNULL, stdout=log,
                    stderr=subprocess.STDOUT, start_new_session=True, user=service.uid, group=service.gid,
                    extra_groups=[] if service.uid is not None else None,
                )  # fmt: skip
            except OSError as exc:
                log.write(f"{service.command[0]} cannot be started: {exc}\n".encode())
                status.last_exit = str(exc)
                self._mourn(service, status)
                return
        self._children[service.name] = child
        born = identify(child.pid, ended=True)
        status.state, status.since = "starting", time.time()
        if born is not None:  # our own child, so it is there until we wait for it
            status.pid, status.started, status.boot = born.pid, born.started, born.boot
        status.save(self._home)

    def _end(self, status: Status, service: Service | None) -> None:
        """Stop a service: politely, then not."""
        identity = self._identity(status)
        if identity is not None and identity.is_alive():
            stop_signal = signal.Signals[service.stop_signal] if service else signal.SIGTERM
            with contextlib.suppress(ProcessLookupError):
                os.kill(identity.pid, stop_signal)
            deadline = time.monotonic() + (service.grace if service else 10.0)
            while identity.is_alive() and time.monotonic() < deadline:
                self._reap(status.name)
                time.sleep(0.02)
        if identity is not None:
            kill_session(identity)
            self._reap(status.name)
        status.state, status.pid = "stopped", 0
        status.save(self._home)

    def _stop_all(self) -> None:
        order = [service.name for service in self._plan.services]
        for name in reversed(order):
            if name in self._statuses:
                self._end(self._statuses[name], self._known.get(name))

    def _rotate_logs(self) -> None:
        """Keep logs small. They are copied and cut, since the services hold them open (for appending)."""
        for path in self._home.logs.glob("*.log"):
            if path.stat().st_size > LOG_LIMIT:
                for number in range(LOGS_KEPT - 1, 0, -1):
                    older = path.with_suffix(f".log.{number}")
                    if older.exists():
                        older.replace(path.with_suffix(f".log.{number + 1}"))
                shutil.copyfile(path, path.with_suffix(".log.1"))
                os.truncate(path, 0)


def supervisor_path(home: Home) -> Path:
    """Return where a running supervisor says who it is."""
    return home.run / "supervisor.json"


def main() -> None:
    """Supervise the state folder that the argument names."""
    Supervisor(Home(Path(sys.argv[1]))).run()


if __name__ == "__main__":
    main()
