"""What a build tells Slipway: signed with a key of its own, on the way through the sandbox, sometimes lost."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jenkins
import pytest

from .conftest import Running, finish, job_xml, start
from .test_api import SECRET_TEXT

SECRET = "webhook-secret-of-this-test"


class Receiver:
    """Stands where Slipway's webhook is: keeps what arrives and answers `status`."""

    def __init__(self) -> None:
        self.deliveries: list[tuple[dict[str, str], bytes]] = []
        self.status = 202
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.deliveries.append((dict(self.headers), body))
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Stay silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/webhooks/jenkins/7/"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture(scope="module")
def folder(running: Running) -> str:
    client = running.client()
    client.create_folder("slipway")
    client.create_credential("slipway", SECRET_TEXT.format(name="slipway-webhook", secret=SECRET))
    client.create_job("slipway/app", job_xml())
    client._session.close()
    return "slipway/app"


def test_each_stage_is_told_and_signed_with_the_builds_key(
    client: jenkins.Jenkins, folder: str, receiver: Receiver
) -> None:
    number = start(client, folder, SLIPWAY_BUILD_ID="b-7", SLIPWAY_CALLBACK_URL=receiver.url)
    assert finish(client, folder, number)["result"] == "SUCCESS"
    events = [json.loads(body) for _, body in receiver.deliveries]
    assert [(event["stage"], event["status"]) for event in events] == [
        ("clone", "running"), ("clone", "succeeded"), ("scan", "skipped"), ("build", "running"),
        ("build", "succeeded"), ("push", "running"), ("push", "succeeded"), ("report", "running"),
        ("report", "succeeded"),
    ]  # fmt: skip
    assert len({event["delivery_id"] for event in events}) == len(events)
    assert {(event["build_id"], event["job"], event["number"]) for event in events} == {("b-7", folder, number)}
    key = hmac.new(SECRET.encode(), b"b-7", hashlib.sha256).digest()
    for headers, body in receiver.deliveries:
        assert headers["X-Slipway-Signature"] == "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest()
    assert SECRET not in client.get_build_console_output(folder, number)


def test_lost_webhooks_reach_nobody_and_are_in_the_journal(
    client: jenkins.Jenkins, running: Running, folder: str, receiver: Receiver
) -> None:
    fault = running.host.context.faults.add(
        kind="lost_webhook", server="jenkins", path="/webhooks/jenkins/7/", times=None
    )
    number = start(client, folder, SLIPWAY_CALLBACK_URL=receiver.url)
    assert finish(client, folder, number)["result"] == "SUCCESS"
    running.host.context.faults.clear(fault.id)
    assert receiver.deliveries == []
    lost = [e for e in running.host.context.journal.entries(server="jenkins") if e.get("lost")]
    assert {(entry["item"], entry["number"]) for entry in lost} == {(folder, number)}


def test_refused_or_unreachable_callbacks_do_not_fail_a_build(
    client: jenkins.Jenkins, folder: str, receiver: Receiver
) -> None:
    receiver.status = 500
    number = start(client, folder, SLIPWAY_CALLBACK_URL=receiver.url)
    assert finish(client, folder, number)["result"] == "SUCCESS"
    assert "Slipway was not told (Slipway answered 500)" in client.get_build_console_output(folder, number)
    number = start(client, folder, SLIPWAY_CALLBACK_URL="http://127.0.0.1:1/")
    assert finish(client, folder, number)["result"] == "SUCCESS"
    assert "Slipway was not told (Slipway answered 502)" in client.get_build_console_output(folder, number)


def test_callback_path_needs_the_builds_proof(running: Running, client: jenkins.Jenkins, folder: str) -> None:
    number = start(client, folder)
    finish(client, folder, number)
    answer = running.request("POST", f"sandbox/callback/{'0' * 64}/job/slipway/job/app/{number}", auth=None, data=b"{}")
    assert answer.status_code == 404
