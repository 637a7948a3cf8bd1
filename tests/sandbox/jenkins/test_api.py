"""Jobs, folders, credentials, access and the queue through python-jenkins and plain HTTP."""

from __future__ import annotations

from pathlib import Path

import jenkins
import pytest

from .conftest import Running, finish, job_xml, start, wait_for

SECRET_TEXT = """<org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl>
  <scope>GLOBAL</scope><id>{name}</id><description>of a test</description><secret>{secret}</secret>
</org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl>"""


def test_server_says_who_it_is_and_who_calls(client: jenkins.Jenkins) -> None:
    assert client.get_whoami()["id"] == "admin"
    assert client.get_version().startswith("2.")
    assert client.get_info()["useCrumbs"] is True


def test_password_needs_a_crumb_of_its_session_and_a_token_none(running: Running) -> None:
    password = (running.username, running.password)
    assert running.request("POST", "quietDown", auth=password).status_code == 403
    assert "No valid crumb" in running.request("POST", "quietDown", auth=password).text
    other = running.request("GET", "crumbIssuer/api/json", auth=password).json()
    headers = {other["crumbRequestField"]: other["crumb"]}
    assert running.request("POST", "cancelQuietDown", auth=password, headers=headers).status_code == 403
    assert running.request("POST", "cancelQuietDown").status_code == 200
    with_password = running.client(running.password)
    with_password.create_job("by-password", job_xml())
    with_password._session.close()


@pytest.mark.parametrize(
    ("auth", "status"),
    [(None, 403), (("admin", "wrong"), 401), (("nobody", "wrong"), 401), (("ädmin", "wröng"), 401)],
)
def test_strangers_are_turned_away(running: Running, auth: tuple[str, str] | None, status: int) -> None:
    encoded = tuple(part.encode() for part in auth) if auth else None
    answer = running.request("GET", "api/json", auth=encoded)
    assert answer.status_code == status
    assert answer.headers["X-Jenkins"], "also who is turned away learns that this is Jenkins"


def test_job_is_given_back_as_it_was_posted(client: jenkins.Jenkins) -> None:
    first, second = job_xml(), job_xml(concurrent=False)
    client.upsert_job("kept", first)
    assert client.get_job_config("kept") == first
    client.upsert_job("kept", second)
    assert client.get_job_config("kept") == second
    shape = client.get_job_info("kept")
    assert shape["_class"] == "org.jenkinsci.plugins.workflow.job.WorkflowJob"
    assert shape["description"] == "made by a test"
    parameters = shape["property"][0]["parameterDefinitions"]
    assert [parameter["name"] for parameter in parameters][-3:] == ["DOCKERFILE", "SCAN", "KIND"]
    assert parameters[-2]["defaultParameterValue"]["value"] is False
    assert parameters[-1]["choices"] == ["one", "two"]


@pytest.mark.parametrize(
    ("xml", "word"),
    [
        ("<flow-definition>", "not well-formed"),
        ("<maven2-moduleset/>", "no item of type maven2-moduleset"),
        ("<project><p><parameterDefinitions><x.Y/></parameterDefinitions></p></project>", "no parameter of type x.Y"),
    ],
)
def test_unreadable_definition_is_refused_and_changes_nothing(client: jenkins.Jenkins, xml: str, word: str) -> None:
    client.upsert_job("steady", job_xml())
    with pytest.raises(jenkins.JenkinsException, match=word):
        client.reconfig_job("steady", xml)
    assert client.get_job_config("steady") == job_xml()


@pytest.mark.parametrize("name", ["a?b", "..", "a%2fb", "%20", "a%5cb"])
def test_unsafe_names_are_refused(running: Running, name: str) -> None:
    headers = {"Content-Type": "text/xml"}
    answer = running.request("POST", f"createItem?name={name}", data=job_xml().encode(), headers=headers)
    assert answer.status_code == 400
    assert "X-Error" in answer.headers
    assert running.request("GET", f"job/{name}/config.xml").status_code == 404


def test_existing_name_is_refused(client: jenkins.Jenkins, running: Running, job: str) -> None:
    answer = running.request("POST", f"createItem?name={job}", data=job_xml(), headers={"Content-Type": "text/xml"})
    assert answer.status_code == 400
    assert "already exists" in answer.text


def test_folders_hold_jobs_and_are_deleted_with_them(client: jenkins.Jenkins, tmp_path: Path) -> None:
    client.create_folder("team")
    client.create_folder("team/inner")
    client.create_job("team/inner/app", job_xml())
    assert client.is_folder("team")
    assert "team/inner/app" in {entry["fullname"] for entry in client.get_all_jobs()}
    with pytest.raises(jenkins.JenkinsException, match="folder"):
        client.create_job("nowhere/app", job_xml())
    number = start(client, "team/inner/app", f"touch {tmp_path}/running; sleep 600")
    wait_for((tmp_path / "running").exists)
    assert client.get_build_info("team/inner/app", number)["fullDisplayName"] == f"team » inner » app #{number}"
    client.delete_job("team")
    assert client.job_exists("team/inner/app") is not True
    assert not [build for build in client.get_running_builds() if build["name"] == "team"]


def test_credentials_of_a_folder_are_used_and_never_shown(client: jenkins.Jenkins, running: Running) -> None:
    client.create_folder("vault")
    client.create_credential("vault", SECRET_TEXT.format(name="slipway-gitlab", secret="old-secret"))
    with pytest.raises(jenkins.JenkinsException, match="already exists"):
        client.create_credential("vault", SECRET_TEXT.format(name="slipway-gitlab", secret="x"))
    assert client.list_credentials("vault") == [
        {"_class": client.get_credential_info("slipway-gitlab", "vault")["_class"], "id": "slipway-gitlab"}
    ]
    assert client.get_credential_info("slipway-gitlab", "vault")["typeName"] == "Secret text"
    config = client.get_credential_config("slipway-gitlab", "vault")
    assert "<secret-redacted/>" in config
    assert "old-secret" not in config
    client.reconfig_credential("vault", config.replace("of a test", "changed"))
    assert client.get_credential_info("slipway-gitlab", "vault")["description"] == "changed"
    stored = running.state / "jenkins" / "credentials.json"
    assert "old-secret" in stored.read_text(), "a redacted secret stays what it was"
    assert stored.stat().st_mode & 0o077 == 0
    client.delete_credential("slipway-gitlab", "vault")
    assert client.list_credentials("vault") == []


def test_parameters_are_checked_as_jenkins_does(client: jenkins.Jenkins, running: Running, job: str) -> None:
    with pytest.raises(jenkins.JenkinsException, match="Illegal choice for parameter KIND: three"):
        client.build_job(job, {"KIND": "three"})
    assert running.request("POST", f"job/{job}/build").status_code == 400
    client.create_job("plain", "<flow-definition/>")
    with pytest.raises(jenkins.JenkinsException, match="not parameterized"):
        client.build_job("plain", {"A": "b"})


def test_queue_waits_for_an_executor_folds_twins_and_cancels(client: jenkins.Jenkins, job: str, tmp_path: Path) -> None:
    hold = f"while [ ! -e {tmp_path}/go ]; do sleep 0.05; done"
    running_builds = [start(client, job, hold, IMAGE_TAG=tag) for tag in ("a", "b")]
    waiting = client.build_job(job, {"IMAGE_TAG": "c"})
    assert client.build_job(job, {"IMAGE_TAG": "c"}) == waiting, "the same request waits once"
    other = client.build_job(job, {"IMAGE_TAG": "d"})
    item = client.get_queue_item(waiting)
    assert item["why"] == "Waiting for next available executor"
    assert "executable" not in item
    assert [entry["id"] for entry in client.get_queue_info()] == [waiting, other]
    client.cancel_queue(other)
    assert client.get_queue_item(other)["cancelled"] is True
    assert client.get_queue_item(other)["executable"] is None
    (tmp_path / "go").touch()
    number = wait_for(lambda: (client.get_queue_item(waiting).get("executable") or {}).get("number"))
    for build in (*running_builds, number):
        assert finish(client, job, build)["result"] == "SUCCESS"
    assert [build["number"] for build in client.get_job_info(job)["builds"]] == [3, 2, 1]


def test_job_without_concurrency_waits_for_its_own_build(client: jenkins.Jenkins, tmp_path: Path) -> None:
    client.create_job("single", job_xml(concurrent=False))
    first = start(client, "single", f"while [ ! -e {tmp_path}/go ]; do sleep 0.05; done")
    second = client.build_job("single", {"IMAGE_TAG": "second"})
    assert client.get_queue_item(second)["blocked"] is True
    assert f"Build #{first} is already in progress" in client.get_queue_item(second)["why"]
    (tmp_path / "go").touch()
    wait_for(lambda: client.get_queue_item(second).get("executable"))
    finish(client, "single", first + 1)


def test_restart_keeps_what_waits_and_forgets_what_left(client: jenkins.Jenkins, running: Running, job: str) -> None:
    client.quiet_down()
    waiting = client.build_job(job, {"IMAGE_TAG": "waits"})
    gone = client.build_job(job, {"IMAGE_TAG": "gone"})
    client.cancel_queue(gone)
    assert client.get_queue_item(waiting)["why"] == "Jenkins is about to shut down"
    running.restart()
    with pytest.raises(jenkins.JenkinsException, match=f"queue number\\[{gone}\\] does not exist"):
        client.get_queue_item(gone)
    number = wait_for(lambda: (client.get_queue_item(waiting).get("executable") or {}).get("number"))
    assert finish(client, job, number)["queueId"] == waiting


def test_restart_with_the_fault_loses_what_waits(client: jenkins.Jenkins, running: Running, job: str) -> None:
    client.quiet_down()
    lost = client.build_job(job, {"IMAGE_TAG": "lost"})
    running.host.context.faults.add(kind="drop", server="jenkins", method="RESTART", path="/queue")
    running.restart()
    with pytest.raises(jenkins.JenkinsException, match="does not exist"):
        client.get_queue_item(lost)
    assert client.get_job_info(job)["builds"] == []
    assert client.build_job(job, {"IMAGE_TAG": "next"}) > lost, "numbers of the queue are never used again"


def test_build_of_a_killed_queue_starts_once(running: Running, client: jenkins.Jenkins, job: str) -> None:
    """A kill between the build's folder and the queue's file leaves the item in the file."""
    queue_file = running.state / "jenkins" / "queue.json"
    client.quiet_down()
    entry = client.build_job(job, {"IMAGE_TAG": "once"})
    before = queue_file.read_text()
    running.request("POST", "cancelQuietDown")
    number = wait_for(lambda: (client.get_queue_item(entry).get("executable") or {}).get("number"))
    finish(client, job, number)
    queue_file.write_text(before)
    running.restart()
    assert client.get_queue_info() == []
    assert [build["number"] for build in client.get_job_info(job)["builds"]] == [number]


def test_discarder_keeps_the_newest_builds_and_their_numbers(client: jenkins.Jenkins) -> None:
    discarder = (
        "<properties><jenkins.model.BuildDiscarderProperty><strategy><numToKeep>2</numToKeep></strategy>"
        "</jenkins.model.BuildDiscarderProperty>"
    )
    client.create_job("short-memory", job_xml().replace("<properties>", discarder))
    for _ in range(3):
        finish(client, "short-memory", start(client, "short-memory"))
    wait_for(lambda: len(client.get_job_info("short-memory")["builds"]) == 2)
    shape = client.get_job_info("short-memory")
    assert [build["number"] for build in shape["builds"]] == [3, 2]
    assert shape["nextBuildNumber"] == 4
