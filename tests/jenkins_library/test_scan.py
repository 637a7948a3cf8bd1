"""The scan stage: what scanners say becomes findings on one scale; what they lack or break is said too."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from .conftest import RESOURCES, Agent

SECRET = "AKIAIOSFODNN7EXAMPLQ"
PASSWORD = "hunter2hunter2"


def load(name: str) -> ModuleType:
    """Load one of the library's modules."""
    spec = importlib.util.spec_from_file_location(f"slipway_library_{name}", RESOURCES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def scan(agent: Agent, files: dict[str, str], dockerfile: str = "FROM scratch") -> dict[str, Any]:
    for name, text in files.items():
        path = agent.work / "context" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    result = agent.stage("scan", DOCKERFILE=dockerfile)
    assert result.returncode == 0, result.stderr
    record: dict[str, Any] = json.loads((agent.work / "record" / "scan.json").read_text())
    return record | {"output": result.stdout}


def test_missing_scanners_are_named_not_passed_over(agent: Agent) -> None:
    record = scan(agent, {"app.py": "x = 1\n"})
    assert {entry["name"]: entry["status"] for entry in record["scanners"]} == {
        "hadolint": "missing", "bandit": "missing", "detect-secrets": "missing",
    }  # fmt: skip
    assert "hadolint: not on this agent, so not run" in record["output"]


def test_broken_scanner_is_failed_with_its_complaint(agent: Agent) -> None:
    agent.program("hadolint", 'echo "hadolint: out of memory" >&2; exit 137')
    agent.program("bandit", 'test "$1" = --version && echo "bandit 1.2.3" || echo "not JSON"')
    record = scan(agent, {"app.py": "x = 1\n"})
    scanners = {entry["name"]: entry for entry in record["scanners"]}
    assert scanners["hadolint"]["status"] == "failed"
    assert scanners["hadolint"]["detail"] == "ended with exit code 137; hadolint: out of memory"
    assert scanners["bandit"]["status"] == "failed"
    assert scanners["bandit"]["version"] == "1.2.3"
    assert record["findings"] == []


def test_bandit_is_not_needed_without_python(agent: Agent) -> None:
    agent.program("bandit", "exit 1")
    record = scan(agent, {"main.js": "1"})
    assert {entry["name"]: entry["status"] for entry in record["scanners"]}["bandit"] == "nothing"


def test_gitleaks_is_preferred_and_its_secrets_are_dropped(agent: Agent) -> None:
    leak = [{"RuleID": "aws-access-token", "Description": "AWS", "StartLine": 3, "File": "keys.txt", "Secret": SECRET}]
    report = json.dumps(leak).replace('"', '\\"')
    agent.program("gitleaks", f'for last; do :; done; test $# -gt 1 && printf "%s" "{report}" >"$last"; exit 0')
    agent.program("detect-secrets", "exit 1")
    record = scan(agent, {"keys.txt": "x"})
    assert [entry["name"] for entry in record["scanners"] if entry["status"] == "ran"] == ["gitleaks"]
    assert [(entry["file"], entry["line"], entry["severity"]) for entry in record["findings"]] == [
        ("keys.txt", 3, "high")
    ]
    assert SECRET not in json.dumps(record)


def test_findings_say_nothing_of_a_password() -> None:
    findings = load("findings")
    entry = {
        "test_id": "B105", "issue_severity": "LOW", "issue_text": f"Possible hardcoded password: '{PASSWORD}'",
        "filename": "./app.py", "line_number": 2,
    }  # fmt: skip
    output = {"results": [entry], "errors": [{"filename": "./b.py", "reason": "syntax error"}]}
    found, unread = findings.bandit(output)
    assert found["message"] == "Possible hardcoded password"
    assert (unread["rule"], unread["file"]) == ("not-scanned", "b.py")


@pytest.fixture(scope="session")
def scanners() -> Path:
    """Return the programs of the scanners' environment, where the set-up made it."""
    home = Path(os.environ.get("SLIPWAY_HOME") or RESOURCES.parents[1] / ".slipway")
    folder = Path(os.environ.get("SLIPWAY_SCANNERS") or home / "sandbox" / "scanners")
    if not (folder / "bin" / "hadolint").exists():
        pytest.skip(f"needs the scanners: python -m deploy.sandbox.scanners --into {folder}")
    return folder / "bin"


def test_real_scanners_find_what_is_wrong(agent: Agent, scanners: Path) -> None:
    for tool in ("hadolint", "bandit", "detect-secrets"):
        (agent.programs / tool).symlink_to(scanners / tool)
    application = f'import subprocess\nPASSWORD = "{PASSWORD}"\nsubprocess.call(input(), shell=True)\n'
    record = scan(agent, {"src/app.py": application, "keys.txt": f"aws = '{SECRET}'\n"}, "FROM python:latest\nUSER 1")
    assert [(entry["name"], entry["status"]) for entry in record["scanners"]] == [
        ("hadolint", "ran"), ("bandit", "ran"), ("detect-secrets", "ran"),
    ]  # fmt: skip
    assert all(entry["version"] for entry in record["scanners"])
    found = {(entry["tool"], entry["rule"]): entry for entry in record["findings"]}
    assert found["hadolint", "DL3007"]["line"] == 1
    assert found["bandit", "B602"]["severity"] == "high"
    assert (found["bandit", "B602"]["file"], found["bandit", "B602"]["line"]) == ("src/app.py", 3)
    assert found["detect-secrets", "AWS Access Key"]["file"] == "keys.txt"
    assert record["findings"][0]["severity"] == "high", "worst first"
    everything = json.dumps(record)
    assert PASSWORD not in everything
    assert SECRET not in everything


def test_environment_of_the_scanners_is_made_once(scanners: Path) -> None:
    command = [sys.executable, "-m", "deploy.sandbox.scanners", "--into", str(scanners.parent)]
    result = subprocess.run(command, cwd=RESOURCES.parents[1], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stdout) == (0, "scanners ready\n")


def test_scanners_that_cannot_be_installed_are_one_clear_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "deploy.sandbox.scanners", "--into", str(tmp_path / "s"), "--pip", "false"]
    result = subprocess.run(command, cwd=RESOURCES.parents[1], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr == "installing the scanners failed: no output\n"
