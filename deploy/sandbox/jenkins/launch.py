"""How a build gets its process: programs on its PATH, its environment, its credentials.

A build's environment is made from nothing: of the sandbox's own it inherits only what a person set for the
machine's network and package managers, so that no secret of Slipway's processes is in it.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import re
import shlex
import ssl
import sys
from pathlib import Path

from deploy.sandbox import scanners
from deploy.sandbox.common.host import Context

from .api.callbacks import callback_path
from .builds import Build
from .credentials import Credentials
from .items import Item
from .pipeline import Order

SOURCE = Path(__file__).resolve().parents[3]
LIBRARY = SOURCE / "jenkins-library" / "resources"
INHERITED = re.compile(
    r"(LANG|LC_\w+|TZ|(https?|ftp|all|no)_proxy|PIP_\w+|UV_\w+|NPM_CONFIG_\w+|SSL_CERT_(FILE|DIR)|\w*CA_BUNDLE)",
    re.IGNORECASE,
)
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Launcher:
    """Starts the runners of one server."""

    def __init__(self, context: Context, home: Path, credentials: Credentials, library: Path) -> None:
        self._context = context
        self._home = home
        self._credentials = credentials
        self._library = library
        self._programs = home / "bin"
        self._ca_bundle = home / "ca-bundle.pem"

    def prepare(self) -> None:
        """Write the programs and the CA bundle that builds use; their addresses may differ from last time."""
        self._programs.mkdir(parents=True, exist_ok=True)
        python, source = shlex.quote(sys.executable), shlex.quote(str(SOURCE))
        # Library scripts get a Python without our packages, as on any agent.
        self._program("python3", f'exec {shlex.quote(str(Path(sys.executable).resolve()))} "$@"\n')
        self._program(
            "slipway-builder",
            f"SLIPWAY_BUILDER_ROOT={shlex.quote(str(self._home / 'builder'))} PYTHONPATH={source}\n"
            f'export SLIPWAY_BUILDER_ROOT PYTHONPATH\nexec {python} -m deploy.sandbox.images.builder "$@"\n',
        )
        system = ssl.get_default_verify_paths().cafile
        trusted = Path(system).read_text(encoding="utf-8", errors="replace") if system else ""
        self._ca_bundle.write_text(f"{trusted}\n{self._context.authority.ca_pem}")

    def _program(self, name: str, script: str) -> None:
        partial = self._programs / f"{name}.new"
        partial.write_text(f"#!/bin/sh\n{script}")
        partial.chmod(0o755)
        partial.replace(self._programs / name)

    async def start(self, job: Item, build: Build) -> None:
        """Start the runner of a build; it is a process of its own when this returns."""
        order = self._order(job, build)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "deploy.sandbox.jenkins.runner",
            cwd=SOURCE, env={"PATH": SYSTEM_PATH, "LANG": "C.UTF-8"},
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        _, complaint = await process.communicate(json.dumps(dataclasses.asdict(order)).encode())
        if process.returncode != 0:
            with build.log.open("ab") as log:
                log.write(b"ERROR: the build's process could not be started\n" + complaint)

    def _order(self, job: Item, build: Build) -> Order:
        values = {value["name"]: value["value"] for value in build.asked["parameters"]}
        parameters = {name: str(value).lower() if value in (True, False) else value for name, value in values.items()}
        root = f"{self._context.url('jenkins')}/"
        path = f"{job.path}{build.number}"
        workspace = self._home / "workspace" / f"{job.full_name.replace('/', '_')}@{build.asked['executor']}"
        machine = {name: value for name, value in os.environ.items() if INHERITED.fullmatch(name)}
        for name in ("NO_PROXY", "no_proxy"):  # no proxy knows this machine's loopback
            machine[name] = ",".join(filter(None, (machine.get(name), "127.0.0.1", "localhost")))
        scanner_folder = Path(os.environ.get("SLIPWAY_SCANNERS") or self._context.state / "scanners")
        (self._home / "tmp").mkdir(exist_ok=True)
        environment = {
            "LANG": "C.UTF-8",
            **machine,
            **parameters,
            "PATH": f"{self._programs}:{scanners.programs(scanner_folder)}:{SYSTEM_PATH}",
            "HOME": str(self._home),
            "TMPDIR": str(self._home / "tmp"),
            "WORKSPACE": str(workspace),
            "JENKINS_URL": root,
            "JOB_NAME": job.full_name,
            "JOB_BASE_NAME": job.name,
            "JOB_URL": root + job.path,
            "BUILD_NUMBER": str(build.number),
            "BUILD_ID": str(build.number),
            "BUILD_URL": f"{root}{path}/",
            "BUILD_TAG": f"jenkins-{job.full_name.replace('/', '-')}-{build.number}",
            "SLIPWAY_BUILDER": str(self._programs / "slipway-builder"),
            "SLIPWAY_CA_FILE": str(self._ca_bundle),
        }
        if harbor := self._context.servers.get("harbor"):
            environment["SLIPWAY_BUILDER_REGISTRY"] = harbor.endpoints()["registry"]
        definition = job.definition()
        return Order(
            folder=str(build.folder),
            workspace=str(workspace),
            library=str(self._library),
            script=definition.script or "",
            environment=environment,
            credentials={name: found.values for name, found in self._credentials.visible(job.full_name).items()},
            callback_url=root + callback_path(self._context.password("jenkins-callbacks"), build)
            if parameters.get("SLIPWAY_CALLBACK_URL")
            else "",
        )
