"""The clone stage on real repositories: exactly the commit, no .git, no secret left anywhere."""

from __future__ import annotations

import base64
import http.server
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Agent, git, make_repository

FILES = {"app.py": "print('hello')\n", "static/a.txt": "a", ".gitattributes": "static export-ignore\n"}
PASSWORD = "glpat-very-secret"


@pytest.fixture
def repository(tmp_path: Path) -> tuple[Path, str]:
    folder = tmp_path / "repository.git"
    return folder, make_repository(folder, FILES)


def tree(agent: Agent) -> set[str]:
    context = agent.work / "context"
    return {str(path.relative_to(context)) for path in context.rglob("*") if path.is_file()}


def test_clone_takes_the_whole_tree_of_the_commit_without_git(agent: Agent, repository: tuple[Path, str]) -> None:
    folder, first = repository
    work = folder.parent / "repository.git.work"
    (work / "later.txt").write_text("later")
    git("add", "--all", cwd=work)
    git("commit", "--quiet", "--message", "later", cwd=work)
    git("push", "--quiet", str(folder), "main", cwd=work)
    result = agent.stage("clone", GIT_URL=folder.as_uri(), GIT_COMMIT=first, GIT_BRANCH="main")
    assert result.returncode == 0, result.stderr
    assert tree(agent) == set(FILES), "also what git archive would leave out, and not the newer file"
    commit = json.loads((agent.work / "record" / "commit.json").read_text())
    assert commit["id"] == first
    assert (commit["author"], commit["subject"]) == ("Zoë Ada", 'Say "hello", politely')


@pytest.mark.parametrize("branch", ["main", "gone", ""])
def test_clone_finds_a_commit_that_the_server_gives_by_branch_only(
    agent: Agent, repository: tuple[Path, str], branch: str
) -> None:
    folder, first = repository
    git("config", "uploadpack.allowAnySHA1InWant", "false", cwd=folder)
    git("config", "protocol.version", "0", cwd=folder)
    work = folder.parent / "repository.git.work"
    git("commit", "--quiet", "--allow-empty", "--message", "newer", cwd=work)
    git("push", "--quiet", str(folder), "main", cwd=work)
    config = {"GIT_PROTOCOL": "version=0", "HOME": str(folder.parent)}
    (folder.parent / ".gitconfig").write_text("[protocol]\n  version = 0\n")
    result = agent.stage("clone", GIT_URL=folder.as_uri(), GIT_COMMIT=first, GIT_BRANCH=branch, **config)
    assert result.returncode == 0, result.stderr
    assert ("fetching branch main" in result.stdout) is (branch == "main")
    assert ("Fetching all branches" in result.stdout) is (branch != "main")
    assert tree(agent) == set(FILES)


@pytest.mark.parametrize(
    ("url", "commit", "word"),
    [
        ("file:///nowhere", "main", "must be a full commit id"),
        ("file:///nowhere", "--upload-pack=touch", "must be a full commit id"),
        ("file:///nowhere", "abc", "must be a full commit id"),
        ("--upload-pack=touch", "a" * 40, "must not begin with a dash"),
        ("https://user:pass@127.0.0.1:1/a.git", "a" * 40, "must not carry credentials"),
        ("file:///nowhere", "a" * 40, "does not appear to be a git repository"),
    ],
)
def test_clone_refuses_in_words(agent: Agent, url: str, commit: str, word: str) -> None:
    result = agent.stage("clone", GIT_URL=url, GIT_COMMIT=commit)
    assert result.returncode != 0
    assert word in result.stderr


def test_clone_says_that_a_commit_is_not_there(agent: Agent, repository: tuple[Path, str]) -> None:
    result = agent.stage("clone", GIT_URL=repository[0].as_uri(), GIT_COMMIT="a" * 40)
    assert result.returncode == 2
    assert f"commit {'a' * 40} is not in {repository[0].as_uri()}" in result.stderr


class GitServer(http.server.ThreadingHTTPServer):
    """git http-backend behind a password, over plain HTTP on loopback."""

    daemon_threads = True

    def __init__(self, root: Path) -> None:
        self.root = root
        self.requests: list[str] = []
        super().__init__(("127.0.0.1", 0), GitHandler)


class GitHandler(http.server.BaseHTTPRequestHandler):
    server: GitServer

    def _answer(self) -> None:
        wanted = "Basic " + base64.b64encode(f"robot:{PASSWORD}".encode()).decode()
        self.server.requests.append(self.requestline)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Authorization") != wanted:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        environment = {
            **os.environ,
            "GIT_PROJECT_ROOT": str(self.server.root), "GIT_HTTP_EXPORT_ALL": "1", "PATH_INFO": path,
            "QUERY_STRING": query, "REQUEST_METHOD": self.command, "REMOTE_USER": "robot",
            "CONTENT_TYPE": self.headers.get("Content-Type", ""), "CONTENT_LENGTH": str(len(body)),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
        }  # fmt: skip
        output = subprocess.run(
            ["git", "http-backend"], input=body, env=environment, stdout=subprocess.PIPE, check=True
        ).stdout
        head, _, content = output.partition(b"\r\n\r\n")
        self.send_response(200)
        for line in head.decode().split("\r\n"):
            name, _, value = line.partition(": ")
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = _answer  # noqa: N815 - the names that http.server calls

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def server(repository: tuple[Path, str]) -> Iterator[GitServer]:
    made = GitServer(repository[0].parent)
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


@pytest.mark.skipif(
    not (Path(subprocess.getoutput("git --exec-path")) / "git-http-backend").exists(), reason="needs git http-backend"
)
def test_clone_signs_in_with_the_credential_and_leaves_no_trace_of_it(
    agent: Agent, repository: tuple[Path, str], server: GitServer
) -> None:
    url = f"http://127.0.0.1:{server.server_port}/repository.git"
    without = agent.stage("clone", GIT_URL=url, GIT_COMMIT=repository[1])
    assert without.returncode != 0
    # What git was called with, as everybody on the machine can see it.
    agent.program("git", f'printf "%s\\n" "$@" >>"{agent.folder}/arguments"; exec /usr/bin/git "$@"')
    result = agent.stage("clone", GIT_URL=url, GIT_COMMIT=repository[1], GIT_USERNAME="robot", GIT_PASSWORD=PASSWORD)
    assert result.returncode == 0, result.stderr
    assert tree(agent) == set(FILES)
    assert PASSWORD not in result.stdout + result.stderr + "".join(server.requests)
    for path in agent.folder.rglob("*"):
        assert path.is_dir() or PASSWORD.encode() not in path.read_bytes(), path
