"""Home, applications, the matrix, projects and search: right, within rights, and in a constant number of queries."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.applications.models import Application
from apps.builds.models import Build
from apps.deployments.models import Deployment
from apps.dockerfiles.models import DockerfileRevision
from apps.releases.models import ReleaseItem, ReleaseOrder
from tests import factories

PEOPLE = ["owner", "developer", "tester", "approver", "viewer", "stranger", "platform_admin"]


def signed_in(person: Any) -> Client:
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client


def build(application: Application, number: int = 1, **fields: Any) -> Build:
    dockerfile, _ = DockerfileRevision.objects.get_or_create(
        application=application, number=1, defaults={"content": "FROM x", "created_by_name": "x"}
    )
    values = {
        "application": application,
        "number": number,
        "status": "succeeded",
        "ref": "main",
        "ref_kind": "branch",
        "commit_sha": f"{number:02x}" * 20,
        "commit_title": "Answer faster",
        "dockerfile": dockerfile,
        "created_by_name": "somebody",
        "image_digest": "sha256:" + f"{number:02x}" * 32,
    }
    return Build.objects.create(**(values | fields))


def deployment(application: Application, target: Any, number: int, status: str, **fields: Any) -> Deployment:
    return Deployment.objects.create(
        application=application,
        target=target,
        number=number,
        status=status,
        created_by_name="somebody",
        finished_at=timezone.now() if status in ("succeeded", "failed") else None,
        **fields,
    )


@pytest.fixture
def people(db: None) -> factories.Personas:
    return factories.personas()


@pytest.fixture
def application(people: factories.Personas) -> Application:
    return factories.application(people.project, name="Storefront")


@pytest.fixture
def target(people: factories.Personas) -> Any:
    return factories.target(factories.environment(people.project, slug="production", stage="production"), slug="north")


def test_who_sees_the_pages(people: factories.Personas, application: Application, target: Any) -> None:
    root = application.get_absolute_url()
    for name, person in people.items():
        client = signed_in(person)
        expected = 404 if name == "stranger" else 200
        for url in (
            root,
            f"{root}fragment/",
            people.project.get_absolute_url(),
            f"{root}cells/production/north/",
            f"/api/v1{root}matrix/",
        ):
            assert client.get(url).status_code == expected, (name, url)
        for url in ("/", "/fragment/", "/apps/"):
            answer = client.get(url)
            assert answer.status_code == 200
            assert (application.name in client.get("/apps/").content.decode()) == (name != "stranger")
        assert client.get("/gallery/").status_code == (200 if name == "platform_admin" else 302)


def test_home_says_what_fails_and_what_runs(people: factories.Personas, application: Application, target: Any) -> None:
    made = build(application)
    deployment(
        application,
        target,
        1,
        "failed",
        build=made,
        cause_code="pod.crash_loop",
        cause_params={"container": "web", "exit_code": 3, "restarts": 4},
    )
    build(application, 2, status="running", image_digest="", ref="feature")
    build(application, 3, status="failed", image_digest="", ref="broken", cause_code="build.aborted")
    shown = signed_in(people.developer).get("/").content.decode()
    assert "The build was stopped in Jenkins" in shown
    assert "Storefront #1" in shown
    assert "feature" in shown
    assert "Storefront" not in signed_in(people.stranger).get("/").content.decode()
    # A newer attempt takes the failure off the page.
    deployment(application, target, 2, "succeeded", build=made)
    build(application, 4, ref="broken")
    shown = signed_in(people.developer).get("/fragment/").content.decode()
    assert "Failing" not in shown
    assert "Released lately" in shown


def test_home_asks_the_approver_and_not_the_creator(
    people: factories.Personas, application: Application, target: Any
) -> None:
    from apps.manifests.models import DeployYmlRevision

    made = build(application)
    revision = DeployYmlRevision.objects.create(application=application, number=1, base={}, created_by_name="x")
    order = ReleaseOrder.objects.create(
        application=application, environment=target.environment, number=7, status="submitted", plan_hash="a" * 64,
        created_by=people.developer, created_by_name="dev", submitted_by=people.owner, submitted_by_name="own", submitted_at=timezone.now(),
    )  # fmt: skip
    ReleaseItem.objects.create(order=order, application=application, build=made, revision=revision)
    asked = {
        name: "Waiting for you" in signed_in(person).get("/fragment/").content.decode()
        for name, person in people.items()
    }
    assert asked == {name: name in ("approver", "platform_admin") for name in asked}


def test_the_matrix_tells_the_version_and_why_it_is_not_well(
    people: factories.Personas, application: Application, target: Any
) -> None:
    first, second = build(application, 1, ref="v1.0.0", ref_kind="tag"), build(application, 2)
    deployment(application, target, 1, "succeeded", build=first, ready=2, wanted=2)
    cell = signed_in(people.viewer).get(f"/api/v1{application.get_absolute_url()}matrix/").json()["cells"][0]
    assert (cell["version"], cell["status"], cell["ready"], cell["build"]) == ("v1.0.0", "ready", 2, 1)
    shown = signed_in(people.developer).get(application.get_absolute_url()).content.decode()
    assert "Release build 2" in shown
    assert "Release build 2" not in signed_in(people.viewer).get(application.get_absolute_url()).content.decode()
    deployment(
        application,
        target,
        2,
        "failed",
        build=second,
        cause_code="pod.crash_loop",
        cause_params={"container": "web", "exit_code": 3, "restarts": 4},
    )
    cell = signed_in(people.viewer).get(f"/api/v1{application.get_absolute_url()}matrix/").json()["cells"][0]
    assert (cell["version"], cell["status"]) == ("v1.0.0", "failed")
    assert "build 2 did not make it" in cell["cause"]


def test_a_cell_of_a_dead_cluster_says_so(people: factories.Personas, application: Application, target: Any) -> None:
    deployment(application, target, 1, "succeeded", build=build(application), ready=2, wanted=2)
    shown = signed_in(people.viewer).get(f"{application.get_absolute_url()}cells/production/north/").content.decode()
    assert "Cluster away" in shown
    cell = signed_in(people.viewer).get(f"/api/v1{application.get_absolute_url()}matrix/?live=1").json()["cells"][0]
    assert cell["status"] == "unreachable"


@pytest.mark.parametrize("query", ["storefront", "Answer fast", "01010101", "sha256:01010101", "1", "#1"])
def test_search_finds_what_one_may_see(
    people: factories.Personas, application: Application, target: Any, query: str
) -> None:
    made = build(application)
    deployment(application, target, 1, "succeeded", build=made)

    def results(person: Any) -> list[str]:
        answer = signed_in(person).get("/search", {"q": query}, headers={"Accept": "application/json"})
        assert answer.status_code == 200
        return [
            result["url"]
            for group in answer.json()["groups"]
            for result in group["results"]
            if result["url"] != "/account/"
        ]

    assert any(url.startswith(application.get_absolute_url()) for url in results(people.viewer))
    assert results(people.stranger) == []


def test_search_finds_people_of_ones_projects_only(people: factories.Personas) -> None:
    def found(person: Any, query: str) -> int:
        answer = signed_in(person).get("/search", {"q": query}, headers={"Accept": "application/json"})
        return sum(len(group["results"]) for group in answer.json()["groups"])

    assert found(people.viewer, people.owner.username) == 1
    assert found(people.viewer, people.stranger.username) == 0
    assert found(people.platform_admin, people.stranger.username) == 1


def test_search_has_a_page_for_who_has_no_scripts(people: factories.Personas, application: Application) -> None:
    client = signed_in(people.viewer)
    assert application.name in client.get("/search", {"q": "storefront"}).content.decode()
    assert "Nothing found" in client.get("/search", {"q": "no such thing %_\\"}).content.decode()


def test_pages_need_a_constant_number_of_queries(people: factories.Personas, target: Any) -> None:
    client = signed_in(people.viewer)
    counts = []
    for _ in range(2):
        for _ in range(4):
            application = factories.application(people.project)
            deployment(application, target, 1, "succeeded", build=build(application))
            deployment(application, target, 2, "failed", build=build(application, 2))
            build(application, 3, status="running", image_digest="")
        with CaptureQueriesContext(connection) as captured:
            for url in ("/", "/apps/", people.project.get_absolute_url()):
                assert client.get(url).status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1]


@pytest.mark.django_db
def test_where_only_forms_go_there_is_a_page_that_says_so() -> None:
    people = factories.personas()
    answer = signed_in(people.owner).get(f"/projects/{people.project.slug}/apps/web/releases/1/approve/")
    assert answer.status_code == 405
    assert "press it again" in answer.content.decode()
    assert answer["Allow"] == "POST"
    refused = signed_in(people.owner).delete("/api/v1/audit/")
    assert refused.json()["error"]["code"] == "request.method"
