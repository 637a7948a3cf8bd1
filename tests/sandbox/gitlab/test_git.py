"""Clone and push with git itself, and the webhooks that follow."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from gitlab.exceptions import GitlabHttpError

from .conftest import Receiver, Running


class Clone:
    """A clone in a folder, as a developer has it."""

    def __init__(self, sandbox: Running, folder: Path) -> None:
        self.folder = folder
        self._environment = {
            "PATH": os.environ["PATH"], "HOME": str(folder), "GIT_SSL_CAINFO": sandbox.ca, "GIT_TERMINAL_PROMPT": "0",
            "GIT_CONFIG_NOSYSTEM": "1", "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com",
            "GIT_COMMITTER_NAME": "Ada", "GIT_COMMITTER_EMAIL": "ada@example.com", "LC_ALL": "C",
        }  # fmt: skip

    def git(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["git", *arguments], cwd=self.folder, env=self._environment, capture_output=True, text=True, check=False
        )

    def commit(self, name: str) -> str:
        (self.folder / name).write_text(name)
        assert self.git("add", name).returncode == 0
        assert self.git("commit", "-m", f"Add {name}").returncode == 0
        return self.git("rev-parse", "HEAD").stdout.strip()


@pytest.fixture
def clone(sandbox: Running, project: Any, tmp_path: Path) -> Clone:
    made = Clone(sandbox, tmp_path)
    project.commits.create(
        {
            "branch": "main",
            "commit_message": "First",
            "actions": [{"action": "create", "file_path": "a", "content": "a"}],
        }
    )
    done = made.git("clone", sandbox.clone_url(project.path_with_namespace), ".")
    assert done.returncode == 0, done.stderr
    return made


def hook(project: Any, url: str, **more: Any) -> Any:
    return project.hooks.create({"url": url, "push_events": True, "token": "s3cret", **more})


def test_push_arrives_and_is_announced_once(sandbox: Running, project: Any, clone: Clone, receiver: Receiver) -> None:
    before = project.commits.get("main").id
    made = hook(project, receiver.url)
    after = clone.commit("b")
    assert clone.git("push").returncode == 0
    headers, body = receiver.wait_for(1)[0]
    assert headers["X-Gitlab-Event"] == "Push Hook"
    assert headers["X-Gitlab-Token"] == "s3cret"
    assert headers["X-Gitlab-Event-UUID"]
    assert (body["before"], body["after"], body["checkout_sha"]) == (before, after, after)
    assert body["ref"] == "refs/heads/main"
    assert body["project"]["path_with_namespace"] == project.path_with_namespace
    assert body["user_username"] == "developer"
    assert [(c["id"], c["added"], c["modified"]) for c in body["commits"]] == [(after, ["b"], [])]
    assert project.commits.get("main").id == after
    assert "s3cret" not in str(made.attributes)
    assert [entry["status"] for entry in sandbox.deliveries(receiver.url)] == ["200"]


def test_tag_goes_to_who_wants_tags(project: Any, clone: Clone, receiver: Receiver) -> None:
    hook(project, f"{receiver.url}/branches")
    hook(project, f"{receiver.url}/tags", push_events=False, tag_push_events=True)
    assert clone.git("tag", "v1").returncode == 0
    assert clone.git("push", "origin", "v1").returncode == 0
    [(headers, body)] = receiver.wait_for(1)
    assert headers["X-Gitlab-Event"] == "Tag Push Hook"
    assert (body["ref"], body["before"]) == ("refs/tags/v1", "0" * 40)


def test_branch_filter_and_removed_branch(project: Any, clone: Clone, receiver: Receiver) -> None:
    hook(project, receiver.url, push_events_branch_filter="release/*")
    assert clone.git("push", "origin", "main:other", "main:release/1").returncode == 0
    assert receiver.wait_for(1)[0][1]["ref"] == "refs/heads/release/1"
    assert clone.git("push", "origin", ":release/1").returncode == 0
    body = receiver.wait_for(2)[1][1]
    assert (body["after"], body["checkout_sha"]) == ("0" * 40, None)


def test_lost_webhook_is_journaled_and_not_sent(
    sandbox: Running, project: Any, clone: Clone, receiver: Receiver
) -> None:
    hook(project, receiver.url)
    sandbox.control(
        "POST", "/faults", {"kind": "lost_webhook", "server": "gitlab", "path": project.path_with_namespace}
    )
    clone.commit("lost")
    assert clone.git("push").returncode == 0
    clone.commit("found")
    assert clone.git("push").returncode == 0
    [(_, body)] = receiver.wait_for(1)
    assert [commit["title"] for commit in body["commits"]] == ["Add found"]
    assert [entry["status"] for entry in sandbox.deliveries(receiver.url)] == ["lost", "200"]


def test_hook_is_tested_on_demand(project: Any, clone: Clone, receiver: Receiver) -> None:
    made = hook(project, receiver.url)
    made.test("push_events")
    assert len(receiver.deliveries) == 1
    receiver.status = 500
    with pytest.raises(GitlabHttpError, match="Hook execution failed"):
        made.manager.gitlab.http_post(f"{made.manager.path}/{made.id}/test/push_events")


def test_hook_without_a_known_certificate_is_not_trusted(sandbox: Running, project: Any, clone: Clone) -> None:
    # The target is TLS with the sandbox's CA: GitLab trusts it, and asks no certificate where the hook says so.
    for verify in (True, False):
        made = hook(project, f"{sandbox.url}/api/v4/projects", enable_ssl_verification=verify)
        with pytest.raises(GitlabHttpError, match="Hook execution failed: 401"):
            made.manager.gitlab.http_post(f"{made.manager.path}/{made.id}/test/push_events")


def test_hooks_are_changed_and_removed(project: Any) -> None:
    made = hook(project, "https://example.com/hook")
    made.url = "https://example.com/other"
    made.save()
    assert [h.url for h in project.hooks.list(get_all=True)] == ["https://example.com/other"]
    made.delete()
    assert project.hooks.list(get_all=True) == []
    with pytest.raises(GitlabHttpError) as caught:
        project.manager.gitlab.http_post(f"/projects/{project.id}/hooks", post_data={"url": "ftp://example.com"})
    assert caught.value.response_code == 422


@pytest.mark.parametrize(
    ("who", "reason"), [("nobody", "Access denied|Authentication failed"), ("jenkins", "scope|403")]
)
def test_push_without_the_right_is_refused(sandbox: Running, project: Any, clone: Clone, who: str, reason: str) -> None:
    url = sandbox.clone_url(project.path_with_namespace, who)
    clone.commit("refused")
    done = clone.git("push", url, "main")
    assert done.returncode != 0
    assert any(word in done.stderr for word in reason.split("|")), done.stderr


def test_read_token_clones_one_commit_by_id(sandbox: Running, tmp_path: Path) -> None:
    fetched = Clone(sandbox, tmp_path)
    sha = sandbox.client().projects.get("demo/storefront").tags.get("v2.0.0").commit["id"]
    assert fetched.git("init", "-q").returncode == 0
    done = fetched.git("fetch", "--depth=1", sandbox.clone_url("demo/storefront", "jenkins"), sha)
    assert done.returncode == 0, done.stderr
    assert fetched.git("show", "FETCH_HEAD:storefront/__init__.py").stdout.endswith('__version__ = "2.0.0"\n')


def test_unknown_repository_is_named(sandbox: Running, tmp_path: Path) -> None:
    done = Clone(sandbox, tmp_path).git("clone", sandbox.clone_url("demo/nowhere"), "x")
    assert done.returncode != 0
    assert "not found" in done.stderr
