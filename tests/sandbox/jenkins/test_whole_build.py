"""From a commit in the sandbox's GitLab to an image in its Harbor, by the library's own stages."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gitlab
import jenkins
import pytest
import requests

from deploy.sandbox.common.host import Host
from deploy.sandbox.gitlab.server import GitLab
from deploy.sandbox.harbor.server import Harbor
from deploy.sandbox.jenkins.server import Jenkins

from .conftest import finish, job_xml, wait_for

DOCKERFILE = """FROM {registry}/base/clone:1 AS clone
COPY . /src
FROM {registry}/base/python-compile:3.11 AS compile
ARG GREETING=none
COPY --from=clone /src /app
RUN python3 -m compileall -q /app && echo "greeting is $GREETING" && echo "$GREETING" > /app/greeting
FROM {registry}/base/python-run:3.11 AS run
COPY --from=compile /app /app
CMD ["python3", "-m", "storefront"]
"""
EXTRA = "".join(
    f"<hudson.model.StringParameterDefinition><name>{name}</name></hudson.model.StringParameterDefinition>"
    for name in ("GIT_BRANCH", "IMAGE_REPOSITORY", "BUILD_ARGS", "NO_CACHE")
)


class Sandbox:
    """GitLab, Harbor and Jenkins in one host, in a thread."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.host = Host(state)
        self.loop = asyncio.new_event_loop()
        self._until = asyncio.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        wait_for(lambda: (state / "endpoints.json").exists() or not self._thread.is_alive(), 60)
        self.endpoints: dict[str, Any] = json.loads((state / "endpoints.json").read_text())
        self.ca: str = self.endpoints["ca"]
        self.harbor: dict[str, str] = self.endpoints["harbor"]

    def _run(self) -> None:
        context = self.host.context
        servers = [GitLab(context), Harbor(context), Jenkins(context)]
        self.loop.run_until_complete(self.host.run(servers, self._until))

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self._until.set)
        self._thread.join(20)
        self.loop.close()
        self.host.context.journal._file.close()

    def registry(self, method: str, path: str, **arguments: Any) -> requests.Response:
        auth = (self.harbor["username"], self.harbor["password"])
        with requests.Session() as session:
            session.trust_env = False
            url = f"{self.harbor['url']}/{path}"
            return session.request(method, url, auth=auth, verify=self.ca, timeout=20, **arguments)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    made = Sandbox(tmp_path_factory.mktemp("whole") / "state")
    if made.registry("HEAD", "api/v2.0/projects", params={"project_name": "demo"}).status_code == 404:
        made.registry("POST", "api/v2.0/projects", json={"project_name": "demo"}).raise_for_status()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def client(sandbox: Sandbox) -> Iterator[jenkins.Jenkins]:
    made = jenkins.Jenkins(*(sandbox.endpoints["jenkins"][key] for key in ("url", "username", "token")), timeout=20)
    made._session.verify = sandbox.ca
    made._session.trust_env = False
    made.create_job("demo-builds", job_xml(extra=EXTRA))
    yield made
    made._session.close()


def commit_of(sandbox: Sandbox, project: str, ref: str) -> tuple[str, str]:
    """Return the clone address of a project and the commit at a ref."""
    access = sandbox.endpoints["gitlab"]
    session = requests.Session()
    session.trust_env = False
    with gitlab.Gitlab(access["url"], access["token"], ssl_verify=sandbox.ca, session=session, timeout=20) as api:
        found = api.projects.get(project)
        return found.http_url_to_repo, found.commits.get(ref).id


def build(
    sandbox: Sandbox, client: jenkins.Jenkins, project: str, ref: str, **changes: str
) -> tuple[dict[str, Any], str]:
    """Build a ref of a sample as Slipway would; return Jenkins's build and the console."""
    url, commit = commit_of(sandbox, project, ref)
    registry = sandbox.harbor["registry"]
    parameters = {
        "SLIPWAY_BUILD_ID": "6fc1d8a2-6d38-4c5e-8a0e-0a1e4c1f9c11",
        "SLIPWAY_CALLBACK_URL": "",
        "GIT_URL": url,
        "GIT_BRANCH": "main",
        "GIT_COMMIT": commit,
        "IMAGE_REPOSITORY": f"{registry}/{project}",
        "IMAGE_TAG": commit[:12],
        "DOCKERFILE": DOCKERFILE.format(registry=registry),
        "BUILD_ARGS": json.dumps({"GREETING": "it's me"}),
        "SCAN": "true",
        "NO_CACHE": "false",
    } | changes
    entry = client.build_job("demo-builds", parameters)
    number = wait_for(lambda: (client.get_queue_item(entry).get("executable") or {}).get("number"))
    wait_for(lambda: not client.get_build_info("demo-builds", number)["building"], 90)
    return finish(client, "demo-builds", number), client.get_build_console_output("demo-builds", number)


def report_of(client: jenkins.Jenkins, number: int) -> dict[str, Any]:
    report: dict[str, Any] = client.get_build_artifact("demo-builds", number, "slipway-report.json")
    return report


@pytest.mark.slow
def test_commit_becomes_an_image_with_the_reported_digest(sandbox: Sandbox, client: jenkins.Jenkins) -> None:
    done, console = build(sandbox, client, "demo/storefront", "v1.0.0")
    assert done["result"] == "SUCCESS", console
    assert "greeting is it's me" in console
    report = report_of(client, done["number"])
    image = report["image"]
    manifest = sandbox.registry("GET", f"v2/demo/storefront/manifests/{image['tag']}")
    assert manifest.headers["Docker-Content-Digest"] == image["digest"]
    assert [layer["size"] for layer in manifest.json()["layers"]] == [layer["size"] for layer in image["layers"]]
    assert report["commit"]["id"] == commit_of(sandbox, "demo/storefront", "v1.0.0")[1]
    for secret in sandbox.host.context.passwords.values():
        assert secret not in console + json.dumps(report)

    again, console = build(sandbox, client, "demo/storefront", "v1.0.0", NO_CACHE="true", IMAGE_TAG="again")
    assert again["result"] == "SUCCESS", console
    assert report_of(client, again["number"])["image"]["digest"] == image["digest"], "same inputs, same digest"


@pytest.mark.slow
def test_failing_compile_step_is_named(sandbox: Sandbox, client: jenkins.Jenkins) -> None:
    done, console = build(sandbox, client, "demo/broken-build", "main", SCAN="false")
    assert done["result"] == "FAILURE"
    assert "RUN exited with" in console
    report = report_of(client, done["number"])
    assert [stage["status"] for stage in report["stages"]] == ["succeeded", "skipped", "failed", "not_reached"]
    assert report["image"] is None


@pytest.mark.slow
def test_stop_during_a_run_step_leaves_nothing(sandbox: Sandbox, client: jenkins.Jenkins) -> None:
    url, commit = commit_of(sandbox, "demo/storefront", "v1.0.0")
    registry = sandbox.harbor["registry"]
    entry = client.build_job(
        "demo-builds",
        {
            "GIT_URL": url, "GIT_COMMIT": commit, "IMAGE_REPOSITORY": f"{registry}/demo/stopped", "IMAGE_TAG": "x",
            "DOCKERFILE": f"FROM {registry}/base/python-run:3.11\nRUN echo sleeping; sleep 987.25\n",
            "SLIPWAY_CALLBACK_URL": "", "BUILD_ARGS": "", "NO_CACHE": "true",
        },
    )  # fmt: skip
    number = wait_for(lambda: (client.get_queue_item(entry).get("executable") or {}).get("number"))
    wait_for(lambda: "\nsleeping\n" in client.get_build_console_output("demo-builds", number), 60)
    client.stop_build("demo-builds", number)
    assert finish(client, "demo-builds", number)["result"] == "ABORTED"
    left = [path for path in Path("/proc").glob("[0-9]*/cmdline") if b"987.25" in _read(path)]
    assert left == []


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
