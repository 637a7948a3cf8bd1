"""The API, through the vendor's own client."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import requests
from gitlab.exceptions import (
    GitlabAuthenticationError,
    GitlabCreateError,
    GitlabGetError,
    GitlabHttpError,
    GitlabListError,
)

from .conftest import Running

# The samples have fixed authors and dates: these ids are the same on every machine.
STOREFRONT_V1 = "4ec85047d02d7c219559cf0b8ab7bcfbd41e3011"


def commit(project: Any, *actions: dict[str, Any], branch: str = "main", **more: Any) -> Any:
    return project.commits.create({"branch": branch, "commit_message": "Change", "actions": list(actions), **more})


def create(path: str, content: str = "text\n", **more: Any) -> dict[str, Any]:
    return {"action": "create", "file_path": path, "content": content, **more}


def test_who_am_i(sandbox: Running) -> None:
    client = sandbox.client()
    client.auth()
    assert client.user.username == "slipway"
    assert client.version()[0] == "18.5.0"
    assert client.personal_access_tokens.get("self").scopes == ["api"]


def test_samples_have_the_same_ids_everywhere(sandbox: Running) -> None:
    project = sandbox.client().projects.get("demo/storefront")
    assert project.tags.get("v1.0.0").commit["id"] == STOREFRONT_V1
    assert {branch.name for branch in project.branches.list(get_all=True)} == {"main", "next", "cache"}
    assert [tag.name for tag in project.tags.list(get_all=True)] == ["v4.0.0", "v3.0.0", "v2.1.0", "v2.0.0", "v1.0.0"]


def test_wrong_token_is_401(sandbox: Running) -> None:
    with pytest.raises(GitlabAuthenticationError, match="401 Unauthorized"):
        sandbox.client_with("glpat-nobody").auth()


@pytest.mark.parametrize("end", ["expired", "revoked"])
def test_token_that_ended_says_so(sandbox: Running, end: str) -> None:
    root = sandbox.client("root")
    user = root.users.list(username="developer", get_all=False)[0]
    yesterday = (dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)).isoformat()
    made = user.personal_access_tokens.create(
        {"name": end, "scopes": ["api"], **({"expires_at": yesterday} if end == "expired" else {})}
    )
    client = sandbox.client_with(made.token)
    if end == "revoked":
        client.personal_access_tokens.delete("self")
    response = requests.get(
        f"{sandbox.url}/api/v4/user", headers={"PRIVATE-TOKEN": made.token}, verify=sandbox.ca, timeout=5
    )
    assert response.status_code == 401
    assert response.json()["error"] == "invalid_token"
    assert end in response.json()["error_description"]


def test_rotated_token_replaces_the_old_one(sandbox: Running) -> None:
    user = sandbox.client("root").users.list(username="developer", get_all=False)[0]
    old = user.personal_access_tokens.create({"name": "rotate", "scopes": ["read_api"]}).token
    new = sandbox.client_with(old).personal_access_tokens.rotate("self")
    fresh = sandbox.client_with(new["token"])
    assert fresh.personal_access_tokens.get("self").active
    with pytest.raises(GitlabAuthenticationError):
        sandbox.client_with(old).auth()


def test_scope_too_small_is_403(sandbox: Running) -> None:
    with pytest.raises(GitlabHttpError) as caught:
        sandbox.client("jenkins").http_get("/projects")
    assert caught.value.response_code == 403


def test_project_of_others_is_404_and_hooks_need_a_maintainer(sandbox: Running) -> None:
    root = sandbox.client("root")
    group = root.groups.create({"name": "Elsewhere", "path": "elsewhere"})
    root.projects.create({"name": "Hidden", "namespace_id": group.id})
    developer = sandbox.client("developer")
    with pytest.raises(GitlabGetError, match="404 Project Not Found"):
        developer.projects.get("elsewhere/hidden")
    with pytest.raises(GitlabListError) as caught:
        developer.projects.get("demo/storefront").hooks.list(get_all=True)
    assert caught.value.response_code == 403


def test_access_level_is_shown(sandbox: Running) -> None:
    permissions = sandbox.client().projects.get("demo/storefront").permissions
    assert permissions["group_access"]["access_level"] == 40


def test_projects_are_searched_and_paged(sandbox: Running) -> None:
    client = sandbox.client()
    assert [p.path for p in client.projects.list(search="storef", get_all=True)] == ["storefront"]
    page = client.projects.list(iterator=True, per_page=2)
    assert page.total >= 6
    assert page.next_page == 2
    assert len(list(page)) == page.total


def test_bad_page_is_400(sandbox: Running) -> None:
    response = requests.get(
        f"{sandbox.url}/api/v4/projects?page=x",
        headers={"Authorization": f"Bearer {sandbox.tokens['slipway']}"}, verify=sandbox.ca, timeout=5,
    )  # fmt: skip
    assert (response.status_code, response.json()) == (400, {"error": "page is invalid"})


def test_commit_api_does_all_actions_at_once(project: Any) -> None:
    commit(project, create("a.txt"), create("b.txt"), create("run.sh", "#!/bin/sh\n", execute_filemode=True))
    made = commit(
        project,
        {"action": "update", "file_path": "a.txt", "content": "bmV3Cg==", "encoding": "base64"},
        {"action": "move", "file_path": "c/d.txt", "previous_path": "b.txt"},
        {"action": "chmod", "file_path": "run.sh", "execute_filemode": False},
        create("ä ö.txt"),
        author_name="Mira", author_email="mira@example.com",
    )  # fmt: skip
    assert made.author_name == "Mira"
    assert made.stats["total"] == 3
    tree = {entry["path"]: entry["mode"] for entry in project.repository_tree(recursive=True, get_all=True)}
    assert tree == {"a.txt": "100644", "c": "040000", "c/d.txt": "100644", "run.sh": "100644", "ä ö.txt": "100644"}
    assert project.files.raw("a.txt", ref="main") == b"new\n"
    commit(project, {"action": "delete", "file_path": "a.txt"})
    with pytest.raises(GitlabGetError, match="404 File Not Found"):
        project.files.get("a.txt", ref="main")


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        (create("there.txt"), "already exists"),
        ({"action": "update", "file_path": "gone.txt", "content": ""}, "doesn't exist"),
        ({"action": "delete", "file_path": "gone.txt"}, "doesn't exist"),
        (create("../outside.txt"), "inside the repository"),
        (create(".git/config"), "inside the repository"),
        ({"action": "explode", "file_path": "there.txt"}, "valid value"),
        (create("x", "not base64!", encoding="base64"), "base64"),
    ],
)
def test_impossible_action_changes_nothing(sandbox: Running, project: Any, action: dict[str, Any], reason: str) -> None:
    first = commit(project, create("there.txt"))
    with pytest.raises(GitlabCreateError, match=reason) as caught:
        commit(project, action)
    assert caught.value.response_code == 400
    assert project.commits.get("main").id == first.id


def test_new_branch_starts_from_another(project: Any) -> None:
    commit(project, create("a.txt"))
    commit(project, create("b.txt"), branch="feature/one", start_branch="main")
    comparison = project.repository_compare("main", "feature/one")
    assert [diff["new_path"] for diff in comparison["diffs"]] == ["b.txt"]
    assert project.branches.get("feature/one").commit["id"] == comparison["commit"]["id"]
    with pytest.raises(GitlabCreateError, match="already exists"):
        commit(project, create("c.txt"), branch="feature/one", start_branch="main")


def test_branches_and_tags_are_made_and_removed(project: Any) -> None:
    made = commit(project, create("a.txt"))
    project.branches.create({"branch": "next", "ref": "main"})
    project.tags.create({"tag_name": "v1", "ref": "next"})
    assert {(ref["type"], ref["name"]) for ref in made.refs()} == {
        ("branch", "main"),
        ("branch", "next"),
        ("tag", "v1"),
    }
    project.branches.delete("next")
    project.tags.delete("v1")
    assert [branch.name for branch in project.branches.list(get_all=True)] == ["main"]
    assert project.tags.list(get_all=True) == []
    with pytest.raises(GitlabGetError, match="404 Branch Not Found"):
        project.branches.get("next")


def test_commits_are_paged_without_a_total_and_filtered(project: Any) -> None:
    for number in range(5):
        commit(project, create(f"{number}.txt"))
    response = project.manager.gitlab.http_request(
        "get", f"/projects/{project.id}/repository/commits", query_data={"per_page": 2}
    )
    assert response.headers["X-Next-Page"] == "2"
    assert "X-Total" not in response.headers
    assert len(project.commits.list(get_all=True, per_page=2)) == 5
    assert len(project.commits.list(get_all=True, query_parameters={"path": "3.txt"})) == 1


def test_empty_project_is_empty_everywhere(project: Any) -> None:
    assert project.empty_repo
    assert project.commits.list(get_all=True) == []
    assert project.branches.list(get_all=True) == []
    with pytest.raises(GitlabGetError):
        project.commits.get("main")


@pytest.mark.parametrize("revision", ["nowhere", "-x", "--upload-pack=touch", "0" * 40])
def test_unknown_revision_is_404(sandbox: Running, revision: str) -> None:
    with pytest.raises(GitlabGetError, match="404 Commit Not Found"):
        sandbox.client().projects.get("demo/worker").commits.get(revision)


def test_diff_shows_renames_and_removals(project: Any) -> None:
    text = "".join(f"line {number}\n" for number in range(20))
    commit(project, create("old.txt", text), create("gone.txt"))
    made = commit(
        project,
        {"action": "move", "file_path": "new.txt", "previous_path": "old.txt"},
        {"action": "delete", "file_path": "gone.txt"},
    )
    found = {entry["new_path"]: entry for entry in made.diff(get_all=True)}
    assert found["new.txt"]["renamed_file"]
    assert found["new.txt"]["old_path"] == "old.txt"
    assert found["gone.txt"]["deleted_file"]
    assert found["gone.txt"]["diff"].startswith("@@ -1 +0,0 @@")
