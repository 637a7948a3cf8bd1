"""Builds through python-jenkins: they run, report, fail, stop, and survive a restart of their server."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import jenkins
import pytest

from .conftest import Running, finish, job_xml, start, wait_for


def test_build_runs_all_stages_and_archives_the_report(client: jenkins.Jenkins, job: str) -> None:
    number = start(client, job, "echo built", SLIPWAY_BUILD_ID="b-1", SCAN="true")
    build = finish(client, job, number)
    assert build["result"] == "SUCCESS", client.get_build_console_output(job, number)
    assert [artifact["relativePath"] for artifact in build["artifacts"]] == ["slipway-report.json"]
    report = client.get_build_artifact(job, number, "slipway-report.json")
    assert report["build_id"] == "b-1"
    assert report["job"] == {"name": job, "number": number, "url": build["url"]}
    assert {stage["name"]: stage["status"] for stage in report["stages"]} == dict.fromkeys(
        ("clone", "scan", "build", "push"), "succeeded"
    )
    stages = client.get_build_stages(job, number)
    assert [stage["name"] for stage in stages["stages"]] == ["Clone", "Scan", "Build", "Push", "Report"]
    assert stages["status"] == "SUCCESS"


def test_build_shows_its_parameters_and_who_started_it(client: jenkins.Jenkins, job: str) -> None:
    number = start(client, job, "true", SLIPWAY_BUILD_ID="b-2", NOT_DEFINED="ignored", KIND="two")
    actions = finish(client, job, number)["actions"]
    values = {value["name"]: value["value"] for value in actions[0]["parameters"]}
    assert values["SLIPWAY_BUILD_ID"] == "b-2"
    assert values["GIT_URL"] == "git_url", "the default"
    assert values["SCAN"] is False
    assert values["KIND"] == "two"
    assert "NOT_DEFINED" not in values
    assert actions[1]["causes"][0]["userId"] == "admin"


def test_console_looks_like_a_pipeline_and_hides_secrets(client: jenkins.Jenkins, running: Running, job: str) -> None:
    number = start(client, job, "echo héllo")
    finish(client, job, number)
    console = client.get_build_console_output(job, number)
    assert console.startswith("Started by user admin\n")
    assert "[Pipeline] { (Clone)\n" in console
    assert "cloning as robot with ****\n" in console
    assert "s3cret" not in console
    assert "Could not find credentials" not in console
    assert "héllo\n" in console
    assert console.endswith("Finished: SUCCESS\n")
    logs = [path for path in (running.state / "jenkins" / "jobs" / job).rglob("*") if path.is_file()]
    assert not any("s3cret" in path.read_text(errors="replace") for path in logs), "nowhere on disk either"


def test_progressive_text_follows_the_build(
    client: jenkins.Jenkins, running: Running, job: str, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    number = start(client, job, f"echo before; while [ ! -e {go} ]; do sleep 0.05; done; echo after")
    path = f"job/{job}/{number}/logText/progressiveText"
    text, position = "", 0
    while "before\n" not in text:
        answer = running.request("GET", path, params={"start": position})
        assert answer.headers["X-More-Data"] == "true"
        text, position = text + answer.text, int(answer.headers["X-Text-Size"])
    go.touch()
    finish(client, job, number)
    rest = running.request("GET", path, params={"start": position})
    assert "X-More-Data" not in rest.headers
    assert text + rest.text == client.get_build_console_output(job, number)
    beyond = running.request("GET", path, params={"start": 10**9})
    assert beyond.text == text + rest.text, "a position beyond the end means a new log"


def test_failing_stage_fails_the_build_and_is_reported(client: jenkins.Jenkins, job: str) -> None:
    number = start(client, job, "echo no such base image; exit 7")
    assert finish(client, job, number)["result"] == "FAILURE"
    console = client.get_build_console_output(job, number)
    assert "no such base image\n" in console
    assert "ERROR: script returned exit code 7\nFinished: FAILURE\n" in console.replace(
        "[Pipeline] }\n[Pipeline] // node\n[Pipeline] End of Pipeline\n", ""
    )
    report = client.get_build_artifact(job, number, "slipway-report.json")
    assert report["result"] == "failed"
    assert [stage["status"] for stage in report["stages"]] == ["succeeded", "skipped", "failed", "not_reached"]
    assert report["stages"][2]["detail"] == "script returned exit code 7"
    assert [stage["status"] for stage in client.get_build_stages(job, number)["stages"]] == [
        "SUCCESS", "SUCCESS", "FAILED", "SUCCESS",
    ]  # fmt: skip


def test_stop_aborts_the_build_and_leaves_no_process(client: jenkins.Jenkins, job: str, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    # A process in a session of its own does not get the stage's signals.
    number = start(client, job, f"setsid sh -c 'echo $$ >{pid_file}; exec sleep 600' & wait")
    pid = int(wait_for(lambda: pid_file.exists() and pid_file.read_text()))
    client.stop_build(job, number)
    assert finish(client, job, number)["result"] == "ABORTED"
    assert "Aborted by admin\n" in client.get_build_console_output(job, number)
    assert client.get_build_artifact(job, number, "slipway-report.json")["result"] == "canceled"
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_build_survives_a_restart_of_its_server(
    client: jenkins.Jenkins, running: Running, job: str, tmp_path: Path
) -> None:
    go = tmp_path / "go"
    number = start(client, job, f"echo started; while [ ! -e {go} ]; do sleep 0.05; done")
    running.restart()
    assert client.get_build_info(job, number)["building"]
    assert [build["number"] for build in client.get_running_builds() if build["name"] == job] == [number]
    go.touch()
    assert finish(client, job, number)["result"] == "SUCCESS"
    assert client.get_build_console_output(job, number).count("Started by user") == 1


def test_build_whose_process_is_killed_ends_as_failed(client: jenkins.Jenkins, running: Running, job: str) -> None:
    number = start(client, job, "sleep 600")
    folder = running.state / "jenkins" / "jobs" / job / "builds" / str(number)
    wait_for(lambda: client.get_build_stages(job, number)["stages"][-1:] or None)
    os.kill(json.loads((folder / "process.json").read_text())["pid"], signal.SIGKILL)
    assert finish(client, job, number)["result"] == "FAILURE"
    assert "ended without a result" in client.get_build_console_output(job, number)
    assert all(stage["status"] != "IN_PROGRESS" for stage in client.get_build_stages(job, number)["stages"])


def test_other_pipelines_are_refused_in_words(client: jenkins.Jenkins) -> None:
    client.create_job("other-pipeline", job_xml(script="node { sh 'make' }"))
    number = start(client, "other-pipeline")
    assert finish(client, "other-pipeline", number)["result"] == "FAILURE"
    assert "the sandbox runs one pipeline only" in client.get_build_console_output("other-pipeline", number)


def test_missing_credential_fails_the_build_in_jenkins_words(
    client: jenkins.Jenkins, running: Running, job: str
) -> None:
    store = running.host.context.servers["jenkins"]._site.credentials  # type: ignore[attr-defined]
    store.delete("", "slipway-gitlab")
    try:
        number = start(client, job)
        assert finish(client, job, number)["result"] == "FAILURE"
        assert "ERROR: Could not find credentials entry with ID 'slipway-gitlab'" in client.get_build_console_output(
            job, number
        )
    finally:
        running.put_credentials()


def test_environment_of_a_build_holds_nothing_of_the_servers(
    client: jenkins.Jenkins, job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLIPWAY_SECRET_KEY", "of the console")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    number = start(client, job, "env | sort")
    finish(client, job, number)
    console = client.get_build_console_output(job, number)
    assert "HTTPS_PROXY=http://127.0.0.1:1\n" in console
    assert f"BUILD_NUMBER={number}\n" in console
    assert "SLIPWAY_SECRET_KEY" not in console
    assert "SLIPWAY_WEBHOOK_SECRET" not in console
    assert "GIT_PASSWORD" not in console


def test_tree_query_finds_a_build_by_its_parameter(client: jenkins.Jenkins, running: Running, job: str) -> None:
    for build_id in ("t-1", "t-2"):
        finish(client, job, start(client, job, SLIPWAY_BUILD_ID=build_id))
    tree = "builds[number,building,actions[parameters[name,value]]]{0,1}"
    answer = running.request("GET", f"job/{job}/api/json", params={"tree": tree}).json()
    assert [build["number"] for build in answer["builds"]] == [2]
    values = [value for action in answer["builds"][0]["actions"] for value in action.get("parameters", [])]
    assert {"_class": "hudson.model.StringParameterValue", "name": "SLIPWAY_BUILD_ID", "value": "t-2"} in values
    assert "url" not in answer["builds"][0]
    assert running.request("GET", f"job/{job}/api/json", params={"tree": "builds["}).status_code == 400
    assert running.request("GET", f"job/{job}/lastBuild/api/json").json()["number"] == 2


def test_artifact_paths_cannot_leave_the_archive(client: jenkins.Jenkins, running: Running, job: str) -> None:
    finish(client, job, start(client, job))
    for path in ("..%2fbuild.json", "%2e%2e/log", "nothing.json"):
        assert running.request("GET", f"job/{job}/1/artifact/{path}").status_code == 404
