"""The report: its schema, its assembly, and the library's own checker against the real one."""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from .conftest import RESOURCES, Agent, make_repository
from .test_scan import load

SCHEMA = json.loads((RESOURCES / "report.schema.json").read_text())
PLAN = json.loads((RESOURCES / "stages.json").read_text())
schema = load("schema")
webhook = load("webhook")

FULL: dict[str, Any] = {
    "schema_version": 1,
    "build_id": "b",
    "result": "succeeded",
    "job": {"name": "j", "number": 1, "url": ""},
    "commit": {
        "id": "a" * 40, "author": "A", "email": "", "committed_at": "", "subject": "", "branch": "", "url": "",
    },
    "stages": [{"name": "clone", "title": "Clone", "status": "succeeded", "started_at": None, "seconds": 0.5, "detail": ""}],
    "scan": {
        "status": "ran",
        "scanners": [{"name": "bandit", "version": "1", "status": "ran", "findings": 1, "detail": ""}],
        "findings": [{"tool": "t", "rule": "r", "severity": "low", "file": "f", "line": None, "message": "m"}],
    },
    "image": {
        "repository": "r", "tag": "t", "digest": "sha256:" + "0" * 64, "size": 3,
        "layers": [{"digest": "sha256:" + "1" * 64, "size": 3}],
    },
}  # fmt: skip


def is_valid(report: Any) -> bool:
    return bool(jsonschema.Draft202012Validator(SCHEMA).is_valid(report))


def test_schema_is_a_schema_and_full_report_fits() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert is_valid(FULL)
    assert schema.problems(FULL, SCHEMA) == []


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in inner for place in places(item, (*path, key)))]


WRONG = st.sampled_from([None, True, -1, 0, 1.5, "x", "", "succeeded", "sha256:" + "0" * 64, [], {}, [{}], {"x": 1}])


@given(st.sampled_from(places(FULL)[1:]), WRONG, st.booleans())
def test_own_checker_agrees_with_the_real_one(place: tuple[Any, ...], wrong: Any, remove: bool) -> None:
    report = copy.deepcopy(FULL)
    holder = report
    for key in place[:-1]:
        holder = holder[key]
    if remove:
        del holder[place[-1]]
    else:
        holder[place[-1]] = wrong
    assert (schema.problems(report, SCHEMA) == []) is is_valid(report)


def test_own_checker_refuses_keywords_it_does_not_know() -> None:
    with pytest.raises(ValueError, match="maxLength"):
        schema.problems("x", {"maxLength": 3})


def report(agent: Agent) -> dict[str, Any]:
    result = agent.stage("report", GIT_BRANCH="main", GIT_URL="https://gitlab/demo.git")
    assert result.returncode == 0, result.stderr
    document: dict[str, Any] = json.loads((agent.work / PLAN["report"]).read_text())
    assert is_valid(document)
    return document


def test_report_of_a_build_that_was_killed_says_so(agent: Agent) -> None:
    agent.note("clone", "running")
    document = report(agent)
    assert document["result"] == "incomplete"
    assert [stage["status"] for stage in document["stages"]] == ["running", *["not_reached"] * 3]
    assert document["commit"] is None
    assert document["image"] is None
    assert document["scan"]["status"] == "not_reached"


@pytest.mark.parametrize(("status", "result"), [("failed", "failed"), ("canceled", "canceled")])
def test_report_of_a_build_that_ended_early(agent: Agent, status: str, result: str) -> None:
    for name, end in (("clone", "succeeded"), ("scan", "skipped"), ("build", status)):
        agent.note(name, "running")
        agent.note(name, end, "why")
    document = report(agent)
    assert document["result"] == result
    assert document["stages"][2]["detail"] == "why"
    assert document["scan"]["status"] == "skipped"


def test_report_of_a_whole_build(agent: Agent, tmp_path: Path) -> None:
    """Clone, scan, build with a stand-in for buildah, push: the report holds what each stage found."""
    commit = make_repository(tmp_path / "repository.git", {"app.py": "x = 1\n"})
    calls = agent.folder / "calls"
    digest = "sha256:" + "ab" * 32
    agent.program(
        "buildah",
        f'printf "%s\\n" "$@" "--" >>"{calls}"\n'
        f'cat "$REGISTRY_AUTH_FILE" >"{agent.folder}/login"; stat -c %a "$REGISTRY_AUTH_FILE" >>"{agent.folder}/login"\n'
        'while [ $# -gt 0 ]; do case $1 in\n'
        '--iidfile) echo sha256:1234 >"$2" ;;\n'
        f'--digestfile) printf {digest} >"$2" ;;\n'
        'esac; shift; done',
    )  # fmt: skip
    variables = {
        "GIT_URL": (tmp_path / "repository.git").as_uri(), "GIT_COMMIT": commit, "DOCKERFILE": "FROM scratch\nCOPY . /",
        "BUILD_ARGS": json.dumps({"GREETING": "it's $(touch pwned) \"here\"", "N": 3, "ON": True}),
        "IMAGE_REPOSITORY": "127.0.0.1:1/demo/storefront", "IMAGE_TAG": "v1",
        "REGISTRY_USERNAME": "robot", "REGISTRY_PASSWORD": "registry-secret",
    }  # fmt: skip
    for stage in ("clone", "scan", "build", "push"):
        agent.note(stage, "running")
        result = agent.stage(stage, **variables)
        assert result.returncode == 0, result.stderr
        agent.note(stage, "succeeded")
    document = report(agent)
    assert document["result"] == "succeeded"
    assert document["commit"]["id"] == commit
    assert document["commit"]["branch"] == "main"
    image = document["image"]
    assert (image["repository"], image["tag"], image["digest"]) == ("127.0.0.1:1/demo/storefront", "v1", digest)
    assert image["layers"] == [], "nobody answers there"
    build, push, _ = calls.read_text().split("--\n")
    assert 'GREETING=it\'s $(touch pwned) "here"\n--build-arg\nN=3\n--build-arg\nON=true\n' in build
    assert not list(agent.folder.rglob("pwned"))
    assert "docker://127.0.0.1:1/demo/storefront:v1" in push
    assert "registry-secret" not in build + push
    login, mode = (agent.folder / "login").read_text().strip().rsplit("\n", 1)
    assert json.loads(login)["auths"].keys() == {"127.0.0.1:1"}
    assert mode == "600"
    assert not list(agent.work.glob("private.*")), "the login file lives as long as the stage"


@pytest.mark.parametrize("arguments", ["[]", "{", '{"A B": "x"}', '{"A": {"b": 1}}', '{"A": null}'])
def test_bad_build_arguments_stop_the_build(agent: Agent, arguments: str) -> None:
    agent.program("buildah", "exit 0")
    (agent.work / "context").mkdir()
    result = agent.stage(
        "build", DOCKERFILE="FROM scratch", BUILD_ARGS=arguments, IMAGE_REPOSITORY="127.0.0.1:1/a/b", IMAGE_TAG="v1"
    )
    assert result.returncode == 2
    assert result.stderr.startswith("build: ")


def test_agent_without_a_builder_is_told(agent: Agent) -> None:
    path = f"{agent.programs}:{agent.folder}/few"
    (agent.folder / "few").mkdir()
    for tool in ("sh", "mktemp", "rm", "mkdir", "cat", "basename"):
        (agent.folder / "few" / tool).symlink_to(shutil.which(tool) or "")
    variables = {"DOCKERFILE": "FROM scratch", "IMAGE_REPOSITORY": "127.0.0.1:1/a/b", "IMAGE_TAG": "v1", "PATH": path}
    assert "neither buildah nor docker" in agent.stage("build", **variables).stderr
    assert (
        "names 'kaniko', which is not on this agent"
        in agent.stage("build", SLIPWAY_BUILDER="kaniko", **variables).stderr
    )


def test_signature_is_of_a_key_of_the_build() -> None:
    key = hmac.new(b"secret", b"build-1", hashlib.sha256).digest()
    expected = "sha256=" + hmac.new(key, b"{}", hashlib.sha256).hexdigest()
    assert webhook.signature("secret", "build-1", b"{}") == expected
    assert webhook.signature("secret", "build-2", b"{}") != expected


def test_plan_lists_every_file_and_nothing_else() -> None:
    files = {
        str(path.relative_to(RESOURCES)) for path in RESOURCES.rglob("*") if path.suffix in (".sh", ".py", ".json")
    }
    assert set(PLAN["files"]) == files
    assert {stage["script"] for stage in PLAN["stages"]} <= files
    assert {name for stage in PLAN["stages"] for name in stage["credentials"]} <= set(PLAN["credentials"])


@pytest.mark.groovy
def test_groovy_entry(request: pytest.FixtureRequest) -> None:
    if not shutil.which("groovy"):
        pytest.skip("needs groovy and Java")
    homes = [os.environ.get("JAVA_HOME", ""), *map(str, Path("/usr/lib/jvm").glob("java-17-*"))]
    result = subprocess.run(
        ["groovy", "-cp", "test:test/stubs", "test/run.groovy"],
        cwd=RESOURCES.parent, env={**os.environ, "JAVA_HOME": next(filter(None, homes), "")},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    assert " passed, 0 failed" in result.stdout
