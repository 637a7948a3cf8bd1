"""Whole recorded scenarios, replayed in order: status, body and warnings must be the real server's."""

from __future__ import annotations

import json

import pytest

from tests.sandbox.kubernetes.client import Answer, Client

from .recording import Object, body_of, comparable, exchanges

CLIENT_SIDE_APPLIED = range(77, 88)  # needs an object that kubectl made before
TIMED = {("10-access", 44), ("02-namespaces", 25), ("02-namespaces", 26)}  # after something that is not in the file
ROLES_OF_OUR_OWN = {("10-access", number) for number in (20, 24, 26, 27, 28, 39)}  # fewer built-in roles and kinds
GENERATED = {("02-namespaces", 8), ("02-namespaces", 11)}
SKIPPED = TIMED | ROLES_OF_OUR_OWN | GENERATED | {("03-server-side-apply", number) for number in CLIENT_SIDE_APPLIED}


class Replay:
    """Sends recorded requests with our tokens, uids and versions."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.tokens: dict[str, str] = {}
        self.versions: dict[str, str] = {}
        self.live: Object = {}

    def send(self, recorded: Object) -> Answer:
        request = recorded["request"]
        headers = {k: v for k, v in request["headers"].items() if k != "Authorization" and v is not None}
        body = body_of(request)
        if request["method"] == "PUT" and request["body"]["metadata"].get("uid", "0")[0] != "0":
            body = self._with_our_identity(request["body"])
        sender = self.client.with_token(self._token(request["headers"].get("Authorization", "")))
        answer = sender.call(request["method"], request["path"], body, **headers)
        if request["path"].endswith("/token") and answer.status == 201:
            self.tokens["other" if "somebody" in (body or "") else "own"] = answer.body["status"]["token"]
        if isinstance(answer.body, dict) and answer.body.get("kind") == "Deployment":
            self.live = answer.body
        return answer

    def _token(self, kind: str) -> str | None:
        if "none" in kind or kind.startswith("Basic"):
            return None
        if "bad token" in kind:
            return "bad"
        if "another audience" in kind:
            return self.tokens["other"]
        return self.tokens["own"] if "token of" in kind else self.client.token

    def _with_our_identity(self, body: Object) -> str:
        metadata = {**body["metadata"], "uid": self.live["metadata"]["uid"]}
        if "resourceVersion" in metadata:
            ours = self.live["metadata"]["resourceVersion"]
            metadata["resourceVersion"] = self.versions.setdefault(metadata["resourceVersion"], ours)
        return json.dumps({**body, "metadata": metadata})


def replayable(name: str, recorded: Object) -> bool:
    request, response = recorded["request"], recorded["response"]
    return (
        "stream" not in response
        and "frames" not in response
        and "watch=1" not in request["path"]
        and (name, recorded["n"]) not in SKIPPED
        and "times)" not in (body_of(request) or "")
    )


@pytest.mark.parametrize("name", ["03-server-side-apply", "08-patches", "10-access", "02-namespaces"])
def test_answers_are_the_real_servers(client: Client, name: str) -> None:
    scenario = exchanges(name)
    if name != "02-namespaces":
        namespace = next(part for part in scenario[0]["request"]["path"].split("/") if part.startswith("rec-"))
        client.post("/api/v1/namespaces", {"metadata": {"name": namespace}})
    replay = Replay(client)
    differences = []
    for recorded in scenario:
        if not replayable(name, recorded):
            continue
        answer, expected = replay.send(recorded), recorded["response"]
        wanted = expected.get("body", expected.get("bodyText"))
        warnings = (expected.get("headers") or {}).get("Warning")
        real = (expected["status"], comparable(wanted), warnings)
        ours = (answer.status, comparable(answer.body), answer.headers.get("Warning"))
        if ours != real:
            differences.append((recorded["n"], recorded["note"], real, ours))
    assert differences == []
