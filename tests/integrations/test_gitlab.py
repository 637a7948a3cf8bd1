"""The GitLab client against the sandbox's GitLab, and against one that misbehaves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from apps.integrations.calls import Timeout
from apps.integrations.connection import Connection
from apps.integrations.errors import Missing, OutcomeUnknown, Rejected, Unauthorized, Unavailable, UnexpectedResponse
from apps.integrations.gitlab import client as client_module
from apps.integrations.gitlab.client import GitLabClient
from tests.integrations.conftest import Sandbox
from tests.integrations.scripted import SILENCE, Reply, answer, scripted

SHOP = "demo/storefront"


@pytest.fixture(scope="module")
def client(tools: Sandbox) -> Iterator[GitLabClient]:
    client = GitLabClient(tools.connection("gitlab"))
    yield client
    client.close()


def test_repositories_and_who_we_are(client: GitLabClient) -> None:
    assert client.current_user() == "slipway"
    assert client.version()
    found = {repository.path: repository for repository in client.list_repositories()}
    shop = client.get_repository(SHOP)
    assert found[SHOP] == shop == client.get_repository(shop.id)
    assert (shop.default_branch, shop.clone_url.endswith("/demo/storefront.git")) == ("main", True)
    assert [each.path for each in client.list_repositories("storefront")] == [SHOP]
    assert len(client.list_repositories(limit=2)) == 2


def test_refs_lead_to_the_same_commit(client: GitLabClient) -> None:
    branches = client.list_branches(SHOP)
    main = next(branch for branch in branches if branch.is_default)
    assert client.get_branch(SHOP, "main") == main
    assert client.get_commit(SHOP, "main") == main.commit == client.get_commit(SHOP, main.commit.sha)
    assert client.get_commit(SHOP, main.commit.short_sha).sha == main.commit.sha
    assert main.commit.author
    assert main.commit.authored_at.tzinfo is not None
    for tag in client.list_tags(SHOP)[:2]:
        assert client.get_tag(SHOP, tag.name) == tag
        assert client.get_commit(SHOP, tag.name).sha == tag.commit.sha
    assert [branch.commit.authored_at for branch in branches] == sorted(
        (branch.commit.authored_at for branch in branches), reverse=True
    )


def test_commits_and_what_lies_between_them(client: GitLabClient) -> None:
    commits = client.list_commits(SHOP, "main")
    newest, oldest = commits[0], commits[-1]
    compared = client.compare(SHOP, oldest.sha, newest.sha)
    assert [each.sha for each in compared.commits] == [each.sha for each in commits[:-1]]
    assert compared.files
    assert {file.change for file in compared.files} <= {"added", "removed", "renamed", "modified"}
    assert client.compare(SHOP, newest.sha, newest.sha).commits == ()
    assert len(client.list_commits(SHOP, "main", limit=1)) == 1


def test_a_file_at_a_commit(client: GitLabClient, monkeypatch: pytest.MonkeyPatch) -> None:
    sha = client.list_commits(SHOP, "main")[0].sha
    assert b"#" in client.read_file(SHOP, "README.md", sha)
    with pytest.raises(Missing):
        client.read_file(SHOP, "none.md", sha)
    monkeypatch.setattr(client_module, "FILE_LIMIT", 3)
    with pytest.raises(UnexpectedResponse, match="bigger than 3"):
        client.read_file(SHOP, "README.md", sha)


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.get_repository("demo/none"),
        lambda client: client.get_branch(SHOP, "feature/none"),
        lambda client: client.get_tag(SHOP, "none"),
        lambda client: client.get_commit(SHOP, "0" * 40),
    ],
)
def test_what_is_gone_is_missing(client: GitLabClient, ask: object) -> None:
    with pytest.raises(Missing):
        ask(client)  # type: ignore[operator]


def test_there_is_one_hook_however_often_it_is_ensured(client: GitLabClient, tools: Sandbox) -> None:
    url = "https://127.0.0.1:9/webhooks/gitlab/"
    first = client.ensure_hook(SHOP, url, "token-one")
    again = client.ensure_hook(SHOP, url, "token-two")
    assert first == again
    assert (first.push_events, first.tag_push_events) == (True, True)
    assert [hook.id for hook in client.list_hooks(SHOP) if hook.url == url] == [first.id]
    tools.fault(kind="drop_after", server="gitlab", method="POST", path="/hooks", times=1)
    with pytest.raises(OutcomeUnknown):
        client.ensure_hook(SHOP, url + "other", "token")
    assert client.ensure_hook(SHOP, url + "other", "token").id
    assert len([hook for hook in client.list_hooks(SHOP) if hook.url == url + "other"]) == 1
    for hook in client.list_hooks(SHOP):
        assert client.delete_hook(SHOP, hook.id)
    assert client.delete_hook(SHOP, first.id) is False


def test_a_wrong_token_is_told(tools: Sandbox) -> None:
    client = GitLabClient(tools.connection("gitlab", secret="glpat-wrong-and-expired"))
    with pytest.raises(Unauthorized) as caught:
        client.current_user()
    assert "glpat" not in str(caught.value)
    client.close()


def test_a_hiccup_is_survived(client: GitLabClient, tools: Sandbox) -> None:
    tools.fault(kind="status", status=502, server="gitlab", path="/user", times=1)
    tools.fault(kind="drop", server="gitlab", path="/user", times=1)
    assert client.current_user() == "slipway"


def client_of(url: str) -> GitLabClient:
    return GitLabClient(Connection("gitlab", "test", url, secret="glpat-secret"), timeout=Timeout(1.0, 0.3))


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (answer(200, b"<html>sign in</html>", headers={"Content-Type": "text/html"}), UnexpectedResponse),
        (answer(200, b"{", headers={}), UnexpectedResponse),
        (answer(200, {"unrelated": 1}), UnexpectedResponse),
        (answer(302, headers={"Location": "https://127.0.0.2/users/sign_in"}), UnexpectedResponse),
        (answer(429, {"message": "slow down"}, headers={"Retry-After": "60"}), Unavailable),
        (answer(400, {"message": {"name": ["is bad", "is long"]}}), Rejected),
        (SILENCE, Unavailable),
    ],
    ids=["html", "half", "other", "sign-in", "limit", "field", "silence"],
)
def test_what_is_no_gitlab_is_noticed(reply: Reply, error: type[Exception]) -> None:
    with scripted(reply) as server:
        client = client_of(server.url)
        with pytest.raises(error) as caught:
            client.get_repository("a/b")
        client.close()
    if error is Rejected:
        assert str(caught.value).endswith("name: is bad, is long")
    if error is Unavailable and reply is not SILENCE:
        assert caught.value.retry_after == 60  # type: ignore[attr-defined]
        assert len(server.requests) == 1  # and nobody slept on it
