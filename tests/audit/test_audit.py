"""The audit: nothing changes an entry, and each person reads what is theirs to read."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client

from apps.applications import services
from apps.audit import services as audit
from apps.audit.models import AuditEntry
from tests import factories

pytestmark = pytest.mark.django_db


def signed_in(person: object) -> Client:
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")  # type: ignore[arg-type]
    return client


def test_the_database_itself_refuses_changes() -> None:
    owner = factories.user()
    services.create_project(actor=factories.actor(owner), slug="kept", name="Kept")
    for attempt in ("UPDATE audit_auditentry SET actor_name = 'nobody'", "DELETE FROM audit_auditentry"):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(attempt)
    assert AuditEntry.objects.get(action="project.create").actor_name == owner.username


def test_an_entry_says_who_from_where_and_outlives_its_object() -> None:
    owner = factories.user()
    project = services.create_project(actor=factories.actor(owner), slug="kept", name="Kept")
    environment = services.create_environment(
        actor=factories.actor(owner), project=project, slug="test", name="Test", stage="test"
    )
    services.delete_environment(environment=environment, actor=factories.actor(owner))
    entry = AuditEntry.objects.get(action="environment.delete")
    assert (entry.object_name, entry.project_name, entry.address, entry.request_id) == (
        "test", "kept", "127.0.0.1", "test-request"
    )  # fmt: skip


def test_a_refused_verb_leaves_no_entry() -> None:
    actor = factories.actor(factories.user())
    services.create_project(actor=actor, slug="taken", name="First")
    before = AuditEntry.objects.count()
    with pytest.raises(services.Conflict):
        services.create_project(actor=actor, slug="taken", name="Second")
    assert AuditEntry.objects.count() == before


def test_each_reads_what_is_theirs() -> None:
    people, other = factories.personas(), factories.project()
    actor = factories.actor(people.platform_admin)
    audit.record(actor=actor, action="here.done", subject=people.project, project=people.project)
    audit.record(actor=actor, action="there.done", subject=other, project=other)
    audit.record(actor=actor, action="platform.done", subject=None, name="all")
    seen = {}
    for name, person in people.items():
        answer = signed_in(person).get("/api/v1/audit/")
        assert answer.status_code == 200
        seen[name] = {row["action"] for row in answer.json()["results"]}
    everything = {"here.done", "there.done", "platform.done"}
    assert seen.pop("platform_admin") == everything
    assert seen.pop("owner") == seen.pop("approver") == {"here.done"}
    assert set(map(frozenset, seen.values())) == {frozenset()}


def test_filters_are_answered_by_the_database() -> None:
    admin = factories.user(is_superuser=True)
    actor = factories.actor(admin)
    for number in range(60):
        audit.record(
            actor=actor, action="build.request" if number % 2 else "release.submit", subject=None, name=f"n{number}"
        )
    client = signed_in(admin)
    page = client.get("/audit/?action=build&page=1")
    assert page.context["page"].paginator.count == 30
    assert client.get("/audit/?object_name=n59").context["page"].paginator.count == 1
    assert client.get("/audit/?until=2020-01-31").context["page"].paginator.count == 0
    assert client.get("/audit/?since=2020-01-31").context["page"].paginator.count == 60
    assert client.get("/audit/?since=yesterday").status_code == 400
    assert client.get("/api/v1/audit/?since=yesterday").json()["error"]["details"]["fields"]["since"]


def test_details_are_names_and_values_and_people_have_their_names() -> None:
    admin = factories.user(is_superuser=True, display_name="Ada Admin")
    gone = factories.user("left")
    audit.record(
        actor=factories.actor(admin),
        action="release.create",
        subject=None,
        name="web release 1",
        builds={"web": 4, "api": 7},
        environment="production",
        changed=True,
        rollback_of=None,
        note="",
        plan_hash="0123456789abcdef" * 4,
        odd_thing=["a", "b"],
    )
    audit.record(
        actor=factories.actor(gone), action="environment.update", subject=None, name="production",
        changes={"approvals_needed": [0, 2], "allowed_branches": [[], ["main"]], "auto_rollback": [False, True]},
    )  # fmt: skip
    gone.delete()
    answer = signed_in(admin).get("/audit/")
    rows = {row["entry"].action: row for row in answer.context["rows"]}
    shown = {detail.name: detail.value for detail in rows["release.create"]["details"]}
    assert shown == {
        "Builds": "api: 7, web: 4",
        "Environment": "production",
        "Plan changed": "yes",
        "Plan": "0123456789abcdef" * 4,
        "Odd thing": "a, b",
    }
    changes = {detail.name: detail.value for detail in rows["environment.update"]["details"]}
    assert changes == {
        "Approvals needed": "0 → 2",
        "Allowed branches": "\N{EN DASH} → main",
        "Auto rollback": "no → yes",
    }
    page = answer.content.decode()
    assert f'title="{admin.username}"' in page
    assert "Ada Admin" in page
    assert "left" in page
    assert "{&#x27;" not in page
    assert ">0123456789ab<" in page
