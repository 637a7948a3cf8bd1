"""Harbor's own API: shapes, paging, errors, scans, and robots whose credentials really work."""

from __future__ import annotations

import time
import uuid
from typing import Any

import pytest
import requests

from .registry_client import Registry
from .running import Running

REPORT = "application/vnd.security.vulnerability.report; version=1.1"


def error_of(answer: requests.Response) -> tuple[int, str]:
    (error,) = answer.json()["errors"]
    assert error["message"]
    return answer.status_code, error["code"]


@pytest.fixture
def project(harbor: Running) -> str:
    name = f"p{uuid.uuid4().hex[:10]}"
    created = harbor.api("POST", "/projects", json={"project_name": name, "metadata": {"public": "false"}})
    assert created.status_code == 201
    return name


def make_robot(harbor: Running, project: str, *accesses: tuple[str, str], **extra: Any) -> tuple[str, str]:
    access = [{"resource": resource, "action": action} for resource, action in accesses]
    permissions = [{"kind": "project", "namespace": project, "access": access}]
    body = {"name": "ci", "level": "project", "duration": -1, "permissions": permissions, **extra}
    answer = harbor.api("POST", "/robots", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["name"], answer.json()["secret"]


def test_system_answers(harbor: Running) -> None:
    assert harbor.api("GET", "/ping", auth=None).text == "Pong"
    assert harbor.api("GET", "/health", auth=None).json()["status"] == "healthy"
    assert "harbor_version" not in harbor.api("GET", "/systeminfo", auth=None).json()
    assert harbor.api("GET", "/systeminfo").json()["registry_url"] == harbor.registry
    assert harbor.api("GET", "/users/current").json()["username"] == "admin"
    assert error_of(harbor.api("GET", "/users/current", auth=None)) == (401, "UNAUTHORIZED")
    assert error_of(harbor.api("GET", "/users/current", auth=("admin", "wrong"))) == (401, "UNAUTHORIZED")
    assert error_of(harbor.api("GET", "/nothing/here")) == (404, "NOT_FOUND")
    assert error_of(harbor.api("PATCH", "/projects", json={})) == (405, "METHOD_NOT_ALLOWED")


def test_projects(harbor: Running, project: str) -> None:
    found = harbor.api("GET", f"/projects/{project}").json()
    assert found["metadata"] == {"public": "false"}
    assert harbor.api("GET", f"/projects/{found['project_id']}").json() == found
    named = {"X-Is-Resource-Name": "true"}
    assert harbor.api("GET", f"/projects/{found['project_id']}", headers=named).status_code == 404
    assert harbor.api("HEAD", "/projects", params={"project_name": project}).status_code == 200
    assert harbor.api("HEAD", "/projects", params={"project_name": "absent"}).status_code == 404
    assert error_of(harbor.api("POST", "/projects", json={"project_name": project})) == (409, "CONFLICT")
    assert error_of(harbor.api("POST", "/projects", json={"project_name": "Bad Name"})) == (400, "BAD_REQUEST")
    assert error_of(harbor.api("POST", "/projects", data="{")) == (400, "BAD_REQUEST")
    assert error_of(harbor.api("GET", "/projects/absent")) == (404, "NOT_FOUND")
    assert error_of(harbor.api("GET", f"/projects/{project}", auth=None)) == (401, "UNAUTHORIZED")
    assert harbor.api("PUT", f"/projects/{project}", json={"metadata": {"public": "true"}}).status_code == 200
    assert harbor.api("GET", f"/projects/{project}", auth=None).status_code == 200
    assert harbor.api("DELETE", f"/projects/{project}").status_code == 200
    assert harbor.api("GET", f"/projects/{project}").status_code == 404


def test_project_with_images_is_not_deleted(harbor: Running, registry: Registry, project: str) -> None:
    registry.push_image(f"{project}/app", "v1", b"layer")
    assert error_of(harbor.api("DELETE", f"/projects/{project}")) == (412, "PRECONDITION")
    quota = harbor.api("GET", "/quotas", params={"reference": "project", "page_size": 100}).json()
    assert next(item for item in quota if item["ref"]["name"] == project)["used"]["storage"] > 0


def test_lists_come_in_pages(harbor: Running, registry: Registry, project: str) -> None:
    for number in range(3):
        registry.push_image(f"{project}/app{number}", "v1", b"layer")
    path = f"/projects/{project}/repositories"
    first = harbor.api("GET", path, params={"page_size": 2})
    assert first.headers["X-Total-Count"] == "3"
    assert [item["name"] for item in first.json()] == [f"{project}/app0", f"{project}/app1"]
    assert first.links["next"]["url"].startswith(f"/api/v2.0{path}?")
    second = harbor.api("GET", first.links["next"]["url"].removeprefix("/api/v2.0"))
    assert [item["name"] for item in second.json()] == [f"{project}/app2"]
    assert set(second.links) == {"prev"}
    newest = harbor.api("GET", path, params={"sort": "-name", "q": "name=~app"}).json()
    assert newest[0]["name"] == f"{project}/app2"
    for bad in ({"page_size": 101}, {"page": 0}, {"page": "x"}, {"sort": "nonsense"}, {"q": "nonsense"}):
        assert error_of(harbor.api("GET", path, params=bad)) == (400, "BAD_REQUEST")


def test_artifact_by_tag_and_digest(harbor: Running, registry: Registry, project: str) -> None:
    digest, manifest = registry.push_image(f"{project}/app", "v1", b"layer" * 100)
    base = f"/projects/{project}/repositories/app/artifacts"
    artifact = harbor.api("GET", f"{base}/v1").json()
    assert artifact == harbor.api("GET", f"{base}/{digest}").json()
    assert (artifact["digest"], artifact["type"]) == (digest, "IMAGE")
    assert artifact["size"] > len(manifest) + 500
    assert artifact["extra_attrs"]["config"] == {"Env": ["A=b"]}
    assert [tag["name"] for tag in artifact["tags"]] == ["v1"]
    assert "scan_overview" not in artifact
    assert artifact["pull_time"].startswith("0001")
    registry.call("GET", f"/v2/{project}/app/manifests/v1")
    assert not harbor.api("GET", f"{base}/v1").json()["pull_time"].startswith("0001")
    assert harbor.api("GET", f"{base}/v1", params={"with_tag": "false"}).json()["tags"] is None
    assert error_of(harbor.api("GET", f"{base}/absent")) == (404, "NOT_FOUND")
    history = harbor.api("GET", artifact["addition_links"]["build_history"]["href"].removeprefix("/api/v2.0"))
    assert history.json() == []


def test_name_with_a_slash_is_encoded_twice(harbor: Running, registry: Registry, project: str) -> None:
    registry.push_image(f"{project}/team/app", "v1", b"layer")
    path = f"/projects/{project}/repositories/{{}}/artifacts"
    assert len(harbor.api("GET", path.format("team%252Fapp")).json()) == 1
    assert harbor.api("GET", path.format("team%2Fapp")).status_code == 404
    assert harbor.api("GET", f"/projects/{project}/repositories/team%252Fapp").json()["artifact_count"] == 1


def test_tags_move_and_go(harbor: Running, registry: Registry, project: str) -> None:
    first, _ = registry.push_image(f"{project}/app", "latest", b"one")
    second, _ = registry.push_image(f"{project}/app", "latest", b"two")
    base = f"/projects/{project}/repositories/app/artifacts"
    assert harbor.api("GET", f"{base}/latest").json()["digest"] == second
    assert harbor.api("GET", f"{base}/{first}").json()["tags"] is None
    assert [row["digest"] for row in harbor.api("GET", base, params={"q": "tags=latest"}).json()] == [second]
    assert [row["digest"] for row in harbor.api("GET", base, params={"q": "tags=nil"}).json()] == [first]
    assert harbor.api("POST", f"{base}/{first}/tags", json={"name": "kept"}).status_code == 201
    assert error_of(harbor.api("POST", f"{base}/{first}/tags", json={"name": "latest"})) == (409, "CONFLICT")
    assert error_of(harbor.api("POST", f"{base}/{first}/tags", json={"name": "-"})) == (400, "BAD_REQUEST")
    assert harbor.api("DELETE", f"{base}/{first}/tags/kept").status_code == 200
    assert error_of(harbor.api("DELETE", f"{base}/{first}/tags/kept")) == (404, "NOT_FOUND")
    assert harbor.api("DELETE", f"{base}/{second}").status_code == 200
    assert registry.call("GET", f"/v2/{project}/app/manifests/latest").status_code == 404


def test_copy_of_an_artifact(harbor: Running, registry: Registry, project: str) -> None:
    digest, manifest = registry.push_image(f"{project}/app", "v1", b"layer")
    path = f"/projects/{project}/repositories/copy/artifacts"
    assert harbor.api("POST", path, params={"from": f"{project}/app:v1"}).status_code == 201
    assert registry.call("GET", f"/v2/{project}/copy/manifests/v1").content == manifest
    assert harbor.api("GET", f"{path}/{digest}").status_code == 200
    assert error_of(harbor.api("POST", path, params={"from": f"{project}/app:v9"})) == (404, "NOT_FOUND")


def test_labels(harbor: Running, registry: Registry, project: str) -> None:
    registry.push_image(f"{project}/app", "v1", b"layer")
    project_id = harbor.api("GET", f"/projects/{project}").json()["project_id"]
    created = harbor.api("POST", "/labels", json={"name": "held", "scope": "p", "project_id": project_id})
    assert created.status_code == 201
    label = int(created.headers["Location"].rpartition("/")[2])
    listed = harbor.api("GET", "/labels", params={"scope": "p", "project_id": project_id}).json()
    assert [(item["id"], item["scope"]) for item in listed] == [(label, "p")]
    base = f"/projects/{project}/repositories/app/artifacts/v1"
    assert harbor.api("POST", f"{base}/labels", json={"id": label}).status_code == 200
    assert error_of(harbor.api("POST", f"{base}/labels", json={"id": label})) == (409, "CONFLICT")
    assert harbor.api("GET", base, params={"with_label": "true"}).json()["labels"][0]["name"] == "held"
    assert harbor.api("DELETE", f"{base}/labels/{label}").status_code == 200
    assert harbor.api("GET", base, params={"with_label": "true"}).json()["labels"] is None


def test_scan_says_that_it_knows_no_vulnerabilities(harbor: Running, registry: Registry, project: str) -> None:
    digest, _ = registry.push_image(f"{project}/app", "v1", b"layer")
    base = f"/projects/{project}/repositories/app/artifacts/{digest}"
    assert error_of(harbor.api("GET", f"{base}/additions/vulnerabilities")) == (404, "NOT_FOUND")
    assert harbor.api("POST", f"{base}/scan").status_code == 202
    seen: list[str] = []
    deadline = time.monotonic() + 10
    while "Success" not in seen and time.monotonic() < deadline:
        artifact = harbor.api("GET", base, params={"with_scan_overview": "true"}).json()
        seen.append(artifact["scan_overview"][REPORT]["scan_status"])
    assert seen[0] in ("Pending", "Running")
    assert seen[-1] == "Success"
    overview = artifact["scan_overview"][REPORT]
    assert overview["summary"] == {"total": 0, "fixable": 0, "summary": {}}
    report = harbor.api("GET", f"{base}/additions/vulnerabilities").json()[REPORT]
    assert report["vulnerabilities"] == []
    assert "no vulnerability database" in report["scanner"]["name"]


def test_robot_may_do_what_it_was_given_and_no_more(harbor: Running, registry: Registry, project: str) -> None:
    robot = make_robot(harbor, project, ("repository", "pull"), ("repository", "push"), ("artifact", "read"))
    assert robot[0] == f"robot${project}+ci"
    client = harbor.client(robot)
    client.push_image(f"{project}/app", "v1", b"layer")
    assert client.call("GET", f"/v2/{project}/app/manifests/v1").status_code == 200
    assert client.call("POST", "/v2/demo/app/blobs/uploads/").status_code == 401
    base = f"/projects/{project}/repositories/app/artifacts"
    assert harbor.api("GET", f"{base}/v1", auth=robot).status_code == 200
    assert error_of(harbor.api("GET", base, auth=robot)) == (403, "FORBIDDEN")
    assert error_of(harbor.api("DELETE", f"{base}/v1", auth=robot)) == (403, "FORBIDDEN")
    assert error_of(harbor.api("GET", "/projects/absent", auth=robot)) == (403, "FORBIDDEN")
    client.close()


def test_pull_only_robot_cannot_push(harbor: Running, registry: Registry, project: str) -> None:
    registry.push_image(f"{project}/app", "v1", b"layer")
    client = harbor.client(make_robot(harbor, project, ("repository", "pull")))
    assert client.call("GET", f"/v2/{project}/app/manifests/v1").status_code == 200
    assert client.call("POST", f"/v2/{project}/app/blobs/uploads/").status_code == 401
    client.close()


def test_robot_lives_and_ends(harbor: Running, project: str) -> None:
    name, secret = make_robot(harbor, project, ("project", "read"))
    project_id = harbor.api("GET", f"/projects/{project}").json()["project_id"]
    (robot,) = harbor.api("GET", "/robots", params={"q": f"Level=project,ProjectID={project_id}"}).json()
    assert (robot["name"], robot["secret"], robot["expires_at"]) == (name, "", -1)
    path = f"/robots/{robot['id']}"
    fresh = harbor.api("PATCH", path, json={"secret": ""}).json()["secret"]
    assert harbor.api("GET", f"/projects/{project}", auth=(name, secret)).status_code == 401
    assert harbor.api("GET", f"/projects/{project}", auth=(name, fresh)).status_code == 200
    assert error_of(harbor.api("PATCH", path, json={"secret": "weak"})) == (400, "BAD_REQUEST")
    assert harbor.api("PUT", path, json={**robot, "disable": True}).status_code == 200
    assert harbor.api("GET", f"/projects/{project}", auth=(name, fresh)).status_code == 401
    assert harbor.api("DELETE", path).status_code == 200
    assert error_of(harbor.api("GET", path)) == (404, "NOT_FOUND")
    assert secret not in (harbor.state / "harbor" / "harbor.sqlite3").read_bytes().decode("latin-1")


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Upper"},
        {"duration": 0},
        {"level": "galaxy"},
        {"permissions": []},
        {"permissions": [{"kind": "project", "namespace": "demo", "access": []}]},
        {"permissions": [{"kind": "project", "namespace": "demo", "access": [{"resource": "repository"}]}]},
    ],
)
def test_bad_robots(harbor: Running, change: dict[str, Any]) -> None:
    access = [{"resource": "repository", "action": "pull"}]
    body = {"name": "ok", "level": "project", "duration": 1}
    body["permissions"] = [{"kind": "project", "namespace": "demo", "access": access}]
    assert error_of(harbor.api("POST", "/robots", json={**body, **change})) == (400, "BAD_REQUEST")
