"""The Harbor and registry clients against the sandbox's Harbor, which serves a real registry."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from apps.integrations.calls import Timeout
from apps.integrations.connection import Connection
from apps.integrations.errors import AlreadyExists, Missing, OutcomeUnknown, Unauthorized, UnexpectedResponse
from apps.integrations.harbor import client as client_module
from apps.integrations.harbor.client import HarborClient
from apps.integrations.harbor.registry import RegistryClient
from tests.integrations.conftest import Sandbox
from tests.integrations.scripted import answer, scripted

BASE, RUN = "base", "python-run"


@pytest.fixture(scope="module")
def client(tools: Sandbox) -> Iterator[HarborClient]:
    client = HarborClient(tools.connection("harbor"))
    yield client
    client.close()


@pytest.fixture(scope="module")
def registry(tools: Sandbox) -> Iterator[RegistryClient]:
    client = RegistryClient(tools.connection("harbor"))
    yield client
    client.close()


def test_health_and_who_we_are(client: HarborClient) -> None:
    assert client.health().healthy
    assert client.current_user() == "admin"
    assert client.version()


def test_a_project_is_made_once(client: HarborClient) -> None:
    assert client.ensure_project("harbor-test") is True
    assert client.ensure_project("harbor-test", public=True) is False
    project = client.get_project("harbor-test")
    assert (project.name, project.public) == ("harbor-test", False)
    with pytest.raises(Missing):
        client.get_project("none")


def test_a_project_made_without_an_answer_is_there(client: HarborClient, tools: Sandbox) -> None:
    tools.fault(kind="drop_after", server="harbor", method="POST", path="/projects$", times=1)
    client.ensure_project("harbor-lost")
    assert client.get_project("harbor-lost").name == "harbor-lost"
    assert len(tools.seen("harbor", "POST", "/api/v2.0/projects")) >= 2


def test_artifacts_by_digest_and_tag(client: HarborClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert RUN in client.list_repositories(BASE)
    monkeypatch.setattr(client_module, "PAGE", 1)
    assert RUN in client.list_repositories(BASE)
    artifact = client.list_artifacts(BASE, RUN)[0]
    assert artifact == client.get_artifact(BASE, RUN, artifact.digest)
    assert artifact == client.get_artifact(BASE, RUN, artifact.tags[0].name)
    assert artifact.size > 0
    assert artifact.labels["slipway.sandbox.borrow"] == "userland"
    assert client.find_artifact(BASE, RUN, "no-such-tag") is None
    assert client.find_artifact(BASE, "no/such", "x") is None


def test_tags_are_given_and_taken_and_never_move(client: HarborClient) -> None:
    digest = client.list_artifacts(BASE, RUN)[0].digest
    assert client.ensure_tag(BASE, RUN, digest, "kept") is True
    assert client.ensure_tag(BASE, RUN, digest, "kept") is False
    assert "kept" in [tag.name for tag in client.list_tags(BASE, RUN, digest)]
    assert client.delete_tag(BASE, RUN, digest, "kept") is True
    assert client.delete_tag(BASE, RUN, digest, "kept") is False


def test_a_scan_ends_in_an_overview(client: HarborClient) -> None:
    digest = client.list_artifacts(BASE, RUN)[0].digest
    client.scan(BASE, RUN, digest)
    client.scan(BASE, RUN, digest)
    overview = client.get_artifact(BASE, RUN, digest).scan
    assert overview is not None
    assert overview.scanner
    assert overview.failed is False


def test_a_scan_overview_counts_by_severity() -> None:
    report = {
        "scan_status": "Success",
        "severity": "High",
        "end_time": "2026-01-01T00:00:00.000Z",
        "scanner": {"name": "Trivy", "version": "v0.60.0"},
        "summary": {"total": 3, "fixable": 2, "summary": {"High": 1, "Low": 2, "Medium": 0}},
    }
    found = {
        "digest": "sha256:1", "push_time": "0001-01-01T00:00:00.000Z", "tags": None,
        "scan_overview": {"application/vnd.security.vulnerability.report; version=1.1": report},
    }  # fmt: skip
    with scripted(answer(200, found)) as server:
        artifact = client_of(server.url).get_artifact("p", "a/b", "sha256:1")
        [request] = server.requests
    assert request.startswith("GET /api/v2.0/projects/p/repositories/a%252Fb/artifacts/sha256:1?")
    assert artifact.pushed_at is None
    assert artifact.scan is not None
    assert (artifact.scan.counts, artifact.scan.fixable, artifact.scan.finished) == ({"High": 1, "Low": 2}, 2, True)
    assert artifact.scan.scanner == "Trivy v0.60.0"


def test_a_robot_pulls_what_it_may_until_it_is_deleted(client: HarborClient, tools: Sandbox) -> None:
    client.ensure_project("robots")
    robot = client.create_robot("puller", "robots", push=False)
    assert robot.secret
    assert robot.secret not in repr(robot)
    with pytest.raises(AlreadyExists):
        client.create_robot("puller", "robots", push=False)
    assert robot.id in [each.id for each in client.list_robots()]
    own = RegistryClient(tools.connection("harbor", username=robot.name, secret=robot.secret))
    assert own.has("robots/web", "sha256:" + "0" * 64) is False
    assert client.delete_robot(robot.id) is True
    assert client.delete_robot(robot.id) is False
    own.close()
    tools.fault(kind="drop_after", server="harbor", method="POST", path="/robots$", times=1)
    with pytest.raises(OutcomeUnknown):
        client.create_robot("lost", "robots", push=True)


def test_a_wrong_password_is_told(tools: Sandbox) -> None:
    connection = tools.connection("harbor", secret="wrong-password")
    client, registry = HarborClient(connection), RegistryClient(connection)
    with pytest.raises(Unauthorized):
        client.current_user()
    with pytest.raises(Unauthorized):
        registry.has(f"{BASE}/{RUN}", "sha256:" + "0" * 64)
    client.close()
    registry.close()


def test_an_image_is_there_or_not(registry: RegistryClient, client: HarborClient, tools: Sandbox) -> None:
    artifact = client.list_artifacts(BASE, RUN)[0]
    name = f"{BASE}/{RUN}"
    assert registry.has(name, artifact.digest)
    assert registry.find_digest(name, artifact.tags[0].name) == artifact.digest
    assert not registry.has(name, "sha256:" + "0" * 64)
    assert not registry.has(f"{BASE}/none", artifact.digest)
    tokens = len(tools.seen("harbor", "GET", "/service/token"))
    assert registry.has(name, artifact.digest)
    assert len(tools.seen("harbor", "GET", "/service/token")) == tokens
    registry._tokens[name] = ("expired", float("inf"))
    assert registry.has(name, artifact.digest)


def connection_of(url: str) -> Connection:
    return Connection("harbor", "test", url, "robot", "a-secret-password")


def client_of(url: str) -> HarborClient:
    return HarborClient(connection_of(url), timeout=Timeout(1.0, 0.3))


def test_credentials_go_to_no_other_token_service() -> None:
    with scripted(answer(200, {"token": "t"})) as thief:
        challenge = {"WWW-Authenticate": f'Bearer realm="{thief.url}/service/token",service="x"'}
        with scripted(answer(401, headers=challenge)) as server:
            registry = RegistryClient(connection_of(server.url), timeout=Timeout(1.0, 0.3))
            with pytest.raises(UnexpectedResponse, match="another host"):
                registry.has("a/b", "sha256:" + "0" * 64)
            registry.close()
        assert thief.requests == []
        assert "Authorization" not in "".join(server.headers)


def test_a_registry_with_basic_authentication_is_asked_with_it() -> None:
    digest = "sha256:" + "a" * 64
    basic = answer(401, headers={"WWW-Authenticate": 'Basic realm="x"'})
    there = answer(200, b"", headers={"Docker-Content-Digest": digest})
    with scripted(basic, there) as server:
        registry = RegistryClient(connection_of(server.url), timeout=Timeout(1.0, 0.3))
        assert registry.has("a/b", digest)
        registry.close()
    assert server.requests == ["GET /v2/", f"HEAD /v2/a/b/manifests/{digest}"]
    assert "authorization: basic" not in server.headers[0].lower()
    assert "authorization: basic" in server.headers[1].lower()


@pytest.mark.parametrize("body", [[], "x", {"errors": 1}])
def test_what_is_no_harbor_is_noticed(body: Any) -> None:
    with scripted(answer(200, body)) as server, pytest.raises(UnexpectedResponse):
        client_of(server.url).current_user()
