"""The Jenkins client against the sandbox's Jenkins, which really runs what is triggered."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from apps.integrations.calls import Timeout
from apps.integrations.connection import Connection
from apps.integrations.errors import Missing, OutcomeUnknown, Unauthorized, Unavailable, UnexpectedResponse
from apps.integrations.jenkins.client import JenkinsClient
from apps.integrations.jenkins.entities import BuildRun, Result
from apps.integrations.jenkins.job_xml import JobDefinition, Parameter, ParameterKind, render
from tests.integrations.conftest import Sandbox
from tests.integrations.scripted import CUT, SILENCE, Reply, answer, scripted

FOLDER, JOB, ID = "slipway/demo", "slipway/demo/web", "SLIPWAY_BUILD_ID"
PARAMETERS = (Parameter(ID), Parameter("DOCKERFILE", ParameterKind.TEXT))
XML = render(JobDefinition("@Library('slipway') _\nslipwayBuild()\n", PARAMETERS))


@pytest.fixture(scope="module")
def client(tools: Sandbox) -> Iterator[JenkinsClient]:
    client = JenkinsClient(tools.connection("jenkins"))
    client.ensure_folder(FOLDER)
    client.ensure_job(JOB, XML)
    yield client
    client.close()


def ended(client: JenkinsClient, value: str) -> BuildRun:
    """Return the run that has the id, once it is over."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        run = client.find_build(JOB, ID, value)
        if run is not None and not run.building:
            return run
        time.sleep(0.05)
    raise TimeoutError(value)


def test_who_we_are(client: JenkinsClient) -> None:
    assert client.version()
    assert client.current_user() == "admin"


def test_jobs_and_folders_are_written_only_when_they_differ(client: JenkinsClient, tools: Sandbox) -> None:
    assert client.ensure_folder(FOLDER) is False
    assert client.ensure_job(JOB, XML) is False
    more = render(JobDefinition("x()\n", (*PARAMETERS, Parameter("GIT_URL"))))
    name = f"{FOLDER}/other"
    assert client.ensure_job(name, XML) is True
    assert client.ensure_job(name, more) is True
    assert client.ensure_job(name, more) is False
    assert len(tools.seen("jenkins", "POST", "/job/other/config.xml")) == 1
    assert client.delete_job(name) is True
    assert client.delete_job(name) is False
    with pytest.raises(Missing):
        client.ensure_job("slipway/none/web", XML)


def test_a_run_from_the_request_to_its_report(client: JenkinsClient) -> None:
    dockerfile = "FROM scratch\n" * 3000  # far too long for a URL
    queued = client.trigger(JOB, {ID: "run-1", "DOCKERFILE": dockerfile})
    item = client.get_queue_item(queued)
    assert (item.id, item.parameters[ID], item.canceled) == (queued, "run-1", False)
    run = ended(client, "run-1")
    assert run.parameters["DOCKERFILE"] == dockerfile
    assert run.result is Result.FAILURE  # there is no repository to clone
    assert run.queue_id == queued
    assert client.get_build(JOB, run.number) == run
    assert client.get_queue_item(queued).number == run.number
    assert client.cancel_queued(queued) is False  # it is no longer in the queue
    stages = client.list_stages(JOB, run.number)
    assert (stages[0].name, stages[0].status) == ("Clone", "FAILED")
    chunk = client.read_log(JOB, run.number)
    assert b"Started by user" in chunk.content
    assert chunk.more is False
    rest = client.read_log(JOB, run.number, chunk.next_offset)
    assert (rest.content, rest.next_offset) == (b"", chunk.next_offset)
    assert b"run-1" in client.read_artifact(JOB, run.number, "slipway-report.json")
    assert client.stop_build(JOB, run.number) is True


def test_a_trigger_without_an_answer_is_found_again_and_happened_once(client: JenkinsClient, tools: Sandbox) -> None:
    tools.fault(kind="drop_after", server="jenkins", method="POST", path="buildWithParameters", times=1)
    before = len(tools.seen("jenkins", "POST", "buildWithParameters"))
    with pytest.raises(OutcomeUnknown):
        client.trigger(JOB, {ID: "run-2"})
    assert client.find_queued(JOB, ID, "run-2") or client.find_build(JOB, ID, "run-2")
    assert len(tools.seen("jenkins", "POST", "buildWithParameters")) == before + 1
    ended(client, "run-2")


def test_what_is_not_there(client: JenkinsClient) -> None:
    assert client.find_build(JOB, ID, "never") is None
    assert client.find_build("slipway/none", ID, "x") is None
    assert client.find_queued(JOB, ID, "never") is None
    assert client.cancel_queued(99_999) is False
    assert client.stop_build(JOB, 99_999) is False
    assert client.list_stages(JOB, 99_999) == []
    for ask in (
        lambda: client.get_build(JOB, 99_999),
        lambda: client.get_queue_item(99_999),
        lambda: client.trigger("slipway/none", {}),
        lambda: client.read_log(JOB, 99_999),
    ):
        with pytest.raises(Missing):
            ask()


def test_a_secret_is_stored_and_replaced(client: JenkinsClient, tools: Sandbox) -> None:
    for folder, store in (("", "/credentials/store/system"), (FOLDER, "/job/demo/credentials/store/folder")):
        for secret in ("one<&>", "two"):
            client.ensure_string_credential("hook", secret, description="from a test", folder=folder)
        assert len(tools.seen("jenkins", "POST", f"{store}/domain/_/createCredentials")) == 1
        assert len(tools.seen("jenkins", "POST", f"{store}/domain/_/credential/hook/config.xml")) == 1


def test_a_crumb_that_ended_with_a_restart_is_fetched_anew() -> None:
    def crumb(value: str) -> Reply:
        return answer(200, {"crumbRequestField": "Jenkins-Crumb", "crumb": value})

    refused = answer(403, b"<h1>HTTP ERROR 403 No valid crumb was included in the request</h1>")
    queued = answer(201, b"", headers={"Location": "http://jenkins/queue/item/25/"})
    with scripted(crumb("old"), refused, crumb("new"), queued) as server:
        client = client_of(server.url)
        assert client.trigger("a", {"X": "y"}) == 25
        client.close()
    assert [request.partition(" ")[0] for request in server.requests] == ["GET", "POST", "GET", "POST"]
    assert "Jenkins-Crumb: new" in server.headers[-1]


def test_a_wrong_token_is_told(tools: Sandbox) -> None:
    client = JenkinsClient(tools.connection("jenkins", secret="wrong-token"))
    with pytest.raises(Unauthorized) as caught:
        client.current_user()
    assert caught.value.status in (401, 403)
    client.close()


def client_of(url: str) -> JenkinsClient:
    return JenkinsClient(Connection("jenkins", "test", url, "admin", "a-secret-token"), timeout=Timeout(1.0, 0.3))


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (SILENCE, OutcomeUnknown),
        (CUT, OutcomeUnknown),
        (answer(503, b"<html><head><title>Please wait</title></head><body>restarting</body></html>"), Unavailable),
        (answer(201, b""), UnexpectedResponse),
        (answer(500, b"<h1>Oops</h1>"), Unavailable),
    ],
    ids=["silence", "cut", "restarting", "no-item", "oops"],
)
def test_a_trigger_that_goes_wrong(reply: object, error: type[Exception]) -> None:
    no_crumb = answer(404, b"")
    with scripted(no_crumb, reply) as server:  # type: ignore[arg-type]
        client = client_of(server.url)
        with pytest.raises(error) as caught:
            client.trigger("a", {"X": "y"})
        client.close()
    assert server.requests == ["GET /crumbIssuer/api/json", "POST /job/a/buildWithParameters"]
    assert server.bodies[-1] == b"X=y"
    assert "<" not in str(caught.value)
