"""A running Jenkins for each test module, whose stages do what a test tells them, and the real python-jenkins."""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar
from xml.sax.saxutils import escape

import jenkins
import pytest
import requests

from deploy.sandbox.common.host import Host
from deploy.sandbox.jenkins.credentials import USERNAME_PASSWORD, Credential
from deploy.sandbox.jenkins.launch import LIBRARY
from deploy.sandbox.jenkins.server import Jenkins

T = TypeVar("T")
SCRIPT = "@Library('slipway') _\nslipwayBuild()"
PARAMETERS = ("SLIPWAY_BUILD_ID", "SLIPWAY_CALLBACK_URL", "GIT_URL", "GIT_COMMIT", "IMAGE_TAG")


def job_xml(*, script: str = SCRIPT, concurrent: bool = True, extra: str = "") -> str:
    """Return a job as Slipway makes it: parameters and one call."""
    texts = "".join(
        f"<hudson.model.StringParameterDefinition><name>{name}</name><defaultValue>{name.lower()}</defaultValue>"
        "</hudson.model.StringParameterDefinition>"
        for name in PARAMETERS
    )
    single = "" if concurrent else (
        "<org.jenkinsci.plugins.workflow.job.properties.DisableConcurrentBuildsJobProperty/>"
    )  # fmt: skip
    return f"""<?xml version='1.1' encoding='UTF-8'?>
<flow-definition plugin="workflow-job">
  <description>made by a test</description>
  <properties>{single}
    <hudson.model.ParametersDefinitionProperty><parameterDefinitions>{texts}
      <hudson.model.TextParameterDefinition><name>DOCKERFILE</name></hudson.model.TextParameterDefinition>
      <hudson.model.BooleanParameterDefinition><name>SCAN</name><defaultValue>false</defaultValue>
      </hudson.model.BooleanParameterDefinition>
      <hudson.model.ChoiceParameterDefinition><name>KIND</name>
        <choices class="java.util.Arrays$ArrayList"><a class="string-array"><string>one</string><string>two</string>
        </a></choices></hudson.model.ChoiceParameterDefinition>{extra}
    </parameterDefinitions></hudson.model.ParametersDefinitionProperty>
  </properties>
  <definition class="org.jenkinsci.plugins.workflow.cps.CpsFlowDefinition">
    <script>{escape(script)}</script><sandbox>true</sandbox>
  </definition>
</flow-definition>"""


def scripted_library(folder: Path) -> Path:
    """Return a copy of the library whose build stage runs the text in DOCKERFILE and which needs no other server."""
    library = folder / "library"
    shutil.copytree(LIBRARY, library)
    stages = library / "stages"
    (stages / "clone.sh").write_text(
        'mkdir -p "$SLIPWAY_WORK/context"; echo "cloning as $GIT_USERNAME with $GIT_PASSWORD"\n'
    )
    (stages / "build.sh").write_text('eval "$DOCKERFILE"\n')
    (stages / "push.sh").write_text("echo pushed\n")
    return library


class Running:
    """A host in a thread with one Jenkins, and calls to it."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.library = scripted_library(state.parent)
        self.start()

    def start(self) -> None:
        (self.state / "endpoints.json").unlink(missing_ok=True)
        self.host = Host(self.state)
        self.loop = asyncio.new_event_loop()
        self._until = asyncio.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        wait_for(lambda: (self.state / "endpoints.json").exists() or not self._thread.is_alive())
        endpoints = json.loads((self.state / "endpoints.json").read_text())
        self.ca: str = endpoints["ca"]
        self.url: str = endpoints["jenkins"]["url"]
        self.username: str = endpoints["jenkins"]["username"]
        self.token: str = endpoints["jenkins"]["token"]
        self.password: str = endpoints["jenkins"]["password"]

    def _run(self) -> None:
        self.loop.run_until_complete(self.host.run([Jenkins(self.host.context, self.library)], self._until))

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self._until.set)
        self._thread.join(20)
        self.loop.close()
        self.host.context.journal._file.close()

    def restart(self) -> None:
        """Restart Jenkins within its host: connections and memory gone, disk kept."""
        asyncio.run_coroutine_threadsafe(self.host.restart("jenkins"), self.loop).result(20)

    def client(self, secret: str | None = None) -> jenkins.Jenkins:
        client = jenkins.Jenkins(self.url, self.username, secret or self.token, timeout=10)
        client._session.verify = self.ca
        client._session.trust_env = False
        return client

    def request(self, method: str, path: str, **arguments: Any) -> requests.Response:
        arguments.setdefault("auth", (self.username, self.token))
        with requests.Session() as session:
            session.trust_env = False
            return session.request(method, f"{self.url}/{path}", verify=self.ca, timeout=10, **arguments)

    def put_credentials(self) -> None:
        """Give the server the credentials that its neighbours would have given it."""
        store = self.host.context.servers["jenkins"]._site.credentials  # type: ignore[attr-defined]
        for name in ("slipway-gitlab", "slipway-registry"):
            store.put("", Credential(name, USERNAME_PASSWORD, "s3cret-of-" + name, "robot"))


def wait_for(ask: Callable[[], T], seconds: float = 20) -> T:
    """Return the first true answer."""
    deadline = time.monotonic() + seconds
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"waited {seconds} s"
        time.sleep(0.03)
    return answer


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    server = Running(tmp_path_factory.mktemp("sandbox") / "state")
    server.put_credentials()
    yield server
    for item in server.host.context.servers["jenkins"]._site.queue.running.values():  # type: ignore[attr-defined]
        item.stop("the end of the tests")
    server.stop()


@pytest.fixture
def client(running: Running) -> Iterator[jenkins.Jenkins]:
    made = running.client()
    yield made
    made._session.close()


@pytest.fixture
def job(request: pytest.FixtureRequest, client: jenkins.Jenkins) -> str:
    """Return the name of a fresh job of this test."""
    name = request.node.name.replace("[", "-").replace("]", "")
    client.create_job(name, job_xml())
    return name


def start(client: jenkins.Jenkins, job: str, command: str = "true", **parameters: str) -> int:
    """Start a build that runs `command` in its build stage; return its number."""
    entry = client.build_job(job, {"DOCKERFILE": command, **parameters})
    return wait_for(lambda: (client.get_queue_item(entry).get("executable") or {}).get("number"))


def finish(client: jenkins.Jenkins, job: str, number: int) -> dict[str, Any]:
    """Wait for the end of a build and return it."""
    wait_for(lambda: not client.get_build_info(job, number)["building"])
    return client.get_build_info(job, number)
