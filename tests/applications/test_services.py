"""Projects, members, environments and targets; two people at once; lists that stay fast."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.applications import services
from apps.applications.models import Membership, Project
from apps.core.errors import Conflict, InvalidInput
from tests import factories


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Run works in threads that begin together, and return what each returned or raised."""
    barrier, results = threading.Barrier(len(works)), [None] * len(works)

    def run(index: int, work: Callable[[], Any]) -> None:
        try:
            barrier.wait(10)
            results[index] = work()
        except Conflict as exc:
            results[index] = exc  # type: ignore[call-overload]
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return results


@pytest.mark.django_db(transaction=True)
def test_one_of_two_gets_the_short_name() -> None:
    people = [factories.user(), factories.user()]
    results = at_once(
        *(
            lambda p=person: services.create_project(actor=factories.actor(p), slug="web", name="Web")
            for person in people
        )
    )
    assert sorted(type(result).__name__ for result in results) == ["Conflict", "Project"]
    assert Membership.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_owners_who_remove_each_other_leave_one() -> None:
    first, second = factories.user(), factories.user()
    project = factories.project(first)
    factories.member(project, second, Role.OWNER)
    results = at_once(
        lambda: services.remove_member(project=project, username=second.username, actor=factories.actor(first)),
        lambda: services.remove_member(project=project, username=first.username, actor=factories.actor(second)),
    )
    assert [type(result) for result in results].count(Conflict) == 1
    assert Membership.objects.filter(project=project, role=Role.OWNER).count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_namespace_has_one_owner() -> None:
    owner, cluster = factories.user(), factories.cluster()
    environments = [factories.environment(factories.project(owner)) for _ in range(2)]
    results = at_once(
        *(
            lambda e=environment: services.add_target(
                environment=e, slug="north", cluster=cluster, namespace="shared", actor=factories.actor(owner)
            )
            for environment in environments
        )
    )
    assert sorted(type(result).__name__ for result in results) == ["Conflict", "Target"]


@pytest.mark.django_db
class TestProjects:
    def test_the_stages_asked_for_become_environments(self) -> None:
        actor = factories.actor(factories.user())
        project = services.create_project(actor=actor, slug="web", name="Web", stages=["production", "test"])
        assert list(project.environments.values_list("slug", "position")) == [("test", 0), ("production", 1)]

    @pytest.mark.parametrize("slug", ["Web", "-web", "web-", "1web", "w" * 41, "we b", "-", ""])
    def test_a_short_name_fits_kubernetes(self, slug: str) -> None:
        with pytest.raises(InvalidInput) as refused:
            services.create_project(actor=factories.actor(factories.user()), slug=slug, name="Web")
        assert "slug" in refused.value.fields

    def test_the_last_owner_stays(self) -> None:
        owner = factories.user()
        project, actor = factories.project(owner), factories.actor(owner)
        for attempt in (
            lambda: services.set_member(project=project, username=owner.username, role="viewer", actor=actor),
            lambda: services.remove_member(project=project, username=owner.username, actor=actor),
        ):
            with pytest.raises(Conflict, match=r"member\.last_owner"):
                attempt()

    def test_an_owner_who_is_locked_out_is_no_other_owner(self) -> None:
        owner, other = factories.user(), factories.user()
        project, actor = factories.project(owner), factories.actor(owner)
        services.set_member(project=project, username=other.username, role="owner", actor=actor)
        User.objects.filter(pk=other.pk).update(is_active=False)
        with pytest.raises(Conflict, match=r"member\.last_owner"):
            services.remove_member(project=project, username=owner.username, actor=actor)
        User.objects.filter(pk=other.pk).update(is_active=True)
        services.remove_member(project=project, username=owner.username, actor=actor)

    def test_a_project_with_applications_is_not_archived(self) -> None:
        owner = factories.user()
        project, actor = factories.project(owner), factories.actor(owner)
        application = factories.application(project)
        with pytest.raises(Conflict):
            services.archive_project(project=project, actor=actor)
        services.archive_application(application=application, actor=actor)
        services.archive_project(project=project, actor=actor)
        assert Project.objects.get(pk=project.pk).archived_at is not None

    @pytest.mark.parametrize(
        "window",
        [
            {"from": "2026-01-01T00:00:00+00:00", "until": "2025-01-01T00:00:00+00:00", "reason": "x"},
            {"from": "2026-01-01T00:00:00", "until": "2026-02-01T00:00:00+00:00", "reason": "x"},
            {"from": "2026-01-01T00:00:00+00:00", "until": "2026-02-01T00:00:00+00:00", "reason": " "},
            {"from": "tomorrow"},
        ],
    )
    def test_a_freeze_that_makes_no_sense_is_refused(self, window: dict[str, str]) -> None:
        with pytest.raises(InvalidInput):
            services.check_freeze_windows([window])


@pytest.mark.django_db
class TestPages:
    def signed_in(self, person: Any) -> Client:
        client = Client()
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        return client

    def test_what_was_typed_is_kept(self) -> None:
        client = self.signed_in(factories.user())
        answer = client.post("/projects/-/new/", {"name": "My web", "slug": "Not a slug"})
        assert answer.status_code == 422
        assert 'value="My web"' in answer.content.decode()
        assert list(answer.context["form"].errors) == ["slug"]

    def test_a_policy_with_a_freeze_is_saved_and_shown_again(self) -> None:
        owner = factories.user()
        environment = factories.environment(factories.project(owner))
        address = f"/projects/{environment.project.slug}/environments/{environment.slug}/"
        typed = {
            "name": "Production", "position": "3", "approvals_needed": "2", "allowed_branches": "main\n\nrelease/*\nmain",
            "freeze-TOTAL_FORMS": "2", "freeze-INITIAL_FORMS": "0", "freeze-1-begins": "2026-12-24T00:00",
            "freeze-1-ends": "2027-01-02T00:00", "freeze-1-reason": "Holidays", "unscanned_builds": "block",
        }  # fmt: skip
        client = self.signed_in(owner)
        assert client.post(address, typed).status_code == 302
        environment.refresh_from_db()
        assert (environment.approvals_needed, environment.allowed_branches) == (2, ["main", "release/*"])
        assert environment.unscanned_builds == "block"
        assert environment.freeze_windows == [
            {"from": "2026-12-24T00:00:00+00:00", "until": "2027-01-02T00:00:00+00:00", "reason": "Holidays"}
        ]
        assert 'value="2026-12-24T00:00"' in client.get(address).content.decode()
        wrong = client.post(address, typed | {"freeze-1-ends": "2026-12-01T00:00"})
        assert wrong.status_code == 422
        assert "freeze" in str(wrong.context["freezes"].errors) or "ends" in str(wrong.context["freezes"].errors)

    def test_archiving_asks_for_the_name(self) -> None:
        owner = factories.user()
        application = factories.application(factories.project(owner))
        address = f"{application.get_absolute_url()}archive/"
        assert self.signed_in(owner).post(address, {"confirm_name": "other"}).status_code == 400
        assert self.signed_in(owner).post(address, {"confirm_name": application.slug}).status_code == 302

    @pytest.mark.parametrize(
        "page", ["/projects/", "{p}members/", "{p}environments/", "/clusters/", "/api/v1/projects/"]
    )
    def test_a_list_asks_the_same_number_of_questions_however_long_it_is(self, page: str) -> None:
        owner = factories.user()
        project = factories.project(owner)
        factories.target(factories.environment(project))
        client = self.signed_in(owner)
        counts = []
        for _ in range(2):
            with CaptureQueriesContext(connection) as queries:
                assert client.get(page.format(p=project.get_absolute_url())).status_code == 200
            counts.append(len(queries))
            for _ in range(4):
                factories.target(factories.environment(project))
                factories.member(project, factories.user(), "viewer")
                factories.project(owner)
        assert counts[0] == counts[1]


@pytest.mark.parametrize("slug", ["base", "library"])
def test_the_registrys_own_projects_are_nobodys(db: None, slug: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        services.create_project(actor=factories.actor(factories.user()), slug=slug, name="Base")
    assert refused.value.code == "project.slug_reserved"
    assert not Project.objects.filter(slug=slug).exists()
