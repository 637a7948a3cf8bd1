"""What `vars/slipwayBuild.groovy` does, for the sandbox: the same stages.json, the same scripts, in the same order.

Flow: copy the library's files into the workspace -> each stage: note "running", run its script with its time
limit and its credentials, note how it ended -> whatever happened, the stages marked `always` -> archive the report.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import processes
from .console import Console
from .files import read_json, write_json

ENTRY = re.compile(r"@Library\(\s*['\"]slipway(?:@[^'\"]+)?['\"]\s*\)\s*_[\s;]*slipwayBuild\s*\([^)]*\)\s*")
GRACE_SECONDS = 10.0  # how long a stopped stage may take to end by itself
TICK_SECONDS = 0.1


class Failure(Exception):
    """The build fails; the text is what the console says after `ERROR:`."""


class Aborted(Exception):
    """A person stopped the build."""


@dataclass(frozen=True)
class Order:
    """What the server hands to the runner: everything a build needs, secrets included, never on disk."""

    folder: str
    workspace: str
    library: str
    script: str
    environment: dict[str, str]
    credentials: dict[str, list[str]]
    callback_url: str


class Pipeline:
    """One run of the pipeline."""

    def __init__(self, order: Order, console: Console) -> None:
        self._order = order
        self._console = console
        self._workspace = Path(order.workspace)
        self._plan: dict[str, Any] = json.loads((Path(order.library) / "stages.json").read_text(encoding="utf-8"))
        self._progress: list[dict[str, Any]] = []
        self.stop_asked = False

    def run(self) -> str:
        """Run everything and return Jenkins's word for the result."""
        say = self._console.say
        say("Loading library slipway@main", "[Pipeline] Start of Pipeline")
        result = "SUCCESS"
        try:
            if not ENTRY.fullmatch(self._order.script.strip()):
                raise Failure("the sandbox runs one pipeline only: @Library('slipway') _ and slipwayBuild()")
            say("[Pipeline] node", f"Running on Jenkins in {self._workspace}", "[Pipeline] {")
            self._unpack()
            self._build()
        except Failure as failure:
            say(f"ERROR: {failure}")
            result = "FAILURE"
        except Aborted:
            stop = read_json(Path(self._order.folder) / "stop.json") or {}
            say(f"Aborted by {stop.get('user', 'nobody known')}")
            result = "ABORTED"
        finally:
            shutil.rmtree(self._workspace, ignore_errors=True)
        say("[Pipeline] }", "[Pipeline] // node", "[Pipeline] End of Pipeline", f"Finished: {result}")
        return result

    def _unpack(self) -> None:
        shutil.rmtree(self._workspace, ignore_errors=True)
        for name in self._plan["files"]:
            target = self._workspace / "library" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(Path(self._order.library) / name, target)
        (self._workspace / "work").mkdir()

    def _build(self) -> None:
        try:
            for step in self._plan["stages"]:
                if not step["always"]:
                    self._stage(step)
        except (Failure, Aborted):
            # The report of a build that went wrong must neither be stopped by the same stop nor hide the reason.
            self.stop_asked = False
            try:
                self._finish()
            except (Failure, Aborted) as second:
                self._console.say(f"The report failed too: {second}")
            raise
        self._finish()

    def _finish(self) -> None:
        for step in self._plan["stages"]:
            if step["always"]:
                self._stage(step)
        report = self._workspace / "work" / self._plan["report"]
        self._console.say("[Pipeline] archiveArtifacts", "Archiving artifacts")
        if report.is_file():
            archive = Path(self._order.folder) / "archive"
            archive.mkdir(exist_ok=True)
            shutil.copyfile(report, archive / report.name)

    def _stage(self, step: dict[str, Any]) -> None:
        say, title = self._console.say, step["title"]
        say("[Pipeline] stage", f"[Pipeline] {{ ({title})")
        entry = {"title": title, "status": "IN_PROGRESS", "started": round(time.time() * 1000), "ended": None}
        self._progress.append(entry)
        self._save()
        status = "FAILED"
        try:
            if step["when"] and self._order.environment.get(step["when"]) != "true":
                say("[Pipeline] echo", f'Stage "{title}" skipped: {step["when"]} is not true')
                self._tell(step, "skipped")
            else:
                self._run_stage(step)
            status = "SUCCESS"
        except Aborted:
            status = "ABORTED"
            raise
        finally:
            entry |= {"status": status, "ended": round(time.time() * 1000)}
            self._save()
            say("[Pipeline] }", "[Pipeline] // stage")

    def _run_stage(self, step: dict[str, Any]) -> None:
        self._tell(step, "running")
        try:
            bound = self._bind(step["credentials"])
            minutes = step["timeout_minutes"]
            self._console.say("[Pipeline] timeout", f"Timeout set to expire in {minutes} min", "[Pipeline] sh")
            code = self._shell(["sh", f"{self._workspace}/library/{step['script']}"], bound, minutes * 60)
            if code is None:
                raise Failure(f"Stage {step['title']} took longer than {minutes} minutes")
            if code != 0:
                raise Failure(f"script returned exit code {code}")
        except Aborted:
            self._tell(step, "canceled")
            raise
        except Failure as failure:
            self._tell(step, "failed", str(failure))
            raise
        self._tell(step, "succeeded")

    def _tell(self, step: dict[str, Any], status: str, detail: str = "") -> None:
        try:
            bound = self._bind(["webhook"])
        except Failure:
            bound = {}
        if bound and self._order.callback_url:
            bound["SLIPWAY_CALLBACK_URL"] = self._order.callback_url
        command = ["python3", f"{self._workspace}/library/stage.py", step["name"], status, detail]
        self._shell(command, bound, seconds=30, is_stage=False)  # a stop ends the stage, not the news of its end

    def _bind(self, names: list[str]) -> dict[str, str]:
        """Return the variables of the named credentials.

        Raises:
            Failure: Jenkins has none of that id.
        """
        bound: dict[str, str] = {}
        for name in names:
            wanted = self._plan["credentials"][name]
            values = self._order.credentials.get(wanted["id"])
            if values is None:
                raise Failure(f"Could not find credentials entry with ID '{wanted['id']}'")
            bound |= dict(zip(wanted["variables"], values, strict=True))
        return bound

    def _shell(self, command: list[str], bound: dict[str, str], seconds: float, *, is_stage: bool = True) -> int | None:
        """Run a command in the workspace and return its exit code, or None where it took longer than `seconds`.

        Raises:
            Aborted: the build was stopped meanwhile; nothing of the command is left.
        """
        environment = {
            **self._order.environment,
            **bound,
            "SLIPWAY_LIBRARY": f"{self._workspace}/library",
            "SLIPWAY_WORK": f"{self._workspace}/work",
        }
        if is_stage:
            self._console.say("+ " + " ".join(command))
        with self._console.masking([value for name, value in bound.items() if not name.endswith(("USERNAME", "_URL"))]):
            process = subprocess.Popen(
                command, cwd=self._workspace, env=environment, start_new_session=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )  # fmt: skip
            started = {"pid": process.pid, "started": processes.start_time(process.pid)}
            write_json(Path(self._order.folder) / "stage.json", started)
            try:
                in_time = self._follow(process, seconds, stoppable=is_stage)
            finally:
                self._end(process)
        if is_stage and self.stop_asked:
            raise Aborted
        return process.returncode if in_time else None

    def _follow(self, process: subprocess.Popen[bytes], seconds: float, *, stoppable: bool) -> bool:
        """Copy the output until the process ends, is stopped or runs out of time; return whether it ended by itself."""
        until = time.monotonic() + seconds
        while time.monotonic() < until and not (stoppable and self.stop_asked):
            ended = process.poll() is not None
            if not self._copy(process, 0 if ended else TICK_SECONDS) and ended:
                return True  # what a child in the background still prints is nobody's
        self._console.say("Sending interrupt signal to process")
        processes.signal_group(process.pid, signal.SIGTERM)
        until = time.monotonic() + GRACE_SECONDS
        while process.poll() is None and time.monotonic() < until:
            self._copy(process, TICK_SECONDS)
        return False

    def _copy(self, process: subprocess.Popen[bytes], seconds: float) -> bool:
        """Copy what the process prints within `seconds` to the console; return whether there was anything."""
        assert process.stdout is not None
        ready, _, _ = select.select([process.stdout], [], [], seconds)
        chunk = os.read(process.stdout.fileno(), 65536) if ready else b""
        self._console.write(chunk)
        if ready and not chunk:  # it closed its output: there is nothing left to select on but its end
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(seconds)
        return bool(chunk)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        processes.signal_group(process.pid, signal.SIGKILL)
        process.wait()
        processes.kill_descendants(os.getpid())
        if process.stdout is not None:
            process.stdout.close()

    def _save(self) -> None:
        write_json(Path(self._order.folder) / "progress.json", self._progress)
