"""What an environment that rolls back by itself does on each way in which a release can end badly."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.core.errors import SlipwayError
from apps.core.models import Event
from apps.deployments import auto_rollback, selectors
from apps.deployments.models import Deployment, Status
from apps.integrations.errors import Unavailable
from tests.deployments.rows import Rows, make


@pytest.fixture
def rows(db: None, settings: Any) -> Rows:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    made = make()
    made.target.environment.auto_rollback = True
    made.target.environment.save()
    return made


def ended(rows: Rows, status: str = Status.FAILED, *, accepted: bool = True, **changes: Any) -> Deployment:
    """Return a release that ended badly, and its event."""
    made = rows.deployment(status, **changes)
    Deployment.objects.filter(pk=made.pk).update(first_accepted_at=timezone.now() if accepted else None)
    Event.objects.create(name=f"deployment.{status}", object_type="deployment", object_id=made.pk)
    made.refresh_from_db()
    return made


def react(failed: Deployment) -> None:
    auto_rollback.roll_back_automatically(Event.objects.filter(object_id=failed.pk).latest("id").pk)


def said(deployment: Deployment) -> set[str]:
    return set(deployment.entries.values_list("code", flat=True)) - {"deployment.requested"}


def test_what_failed_half_way_is_rolled_back_once(rows: Rows) -> None:
    good = rows.deployment()
    failed = ended(rows, replicas=2)
    react(failed)
    react(failed)
    rollback = Deployment.objects.get(kind=Deployment.Kind.ROLLBACK)
    assert (rollback.rollback_of, rollback.status) == (good, Status.PENDING)
    assert said(failed) == {"deployment.rolled_back_automatically"}


def test_what_never_reached_the_cluster_is_not_undone(rows: Rows) -> None:
    rows.deployment()
    failed = ended(rows, accepted=False, replicas=2)
    react(failed)
    assert said(failed) == {"deployment.nothing_to_undo"}
    assert not Deployment.objects.filter(kind=Deployment.Kind.ROLLBACK).exists()


def test_a_first_release_has_nothing_to_go_back_to(rows: Rows) -> None:
    failed = ended(rows)
    react(failed)
    assert said(failed) == {"deployment.nothing_to_roll_back_to"}


def test_a_rollback_that_fails_is_the_end_of_it(rows: Rows) -> None:
    rows.deployment()
    react(ended(rows, replicas=2))
    rollback = Deployment.objects.get(kind=Deployment.Kind.ROLLBACK)
    Deployment.objects.filter(pk=rollback.pk).update(status=Status.FAILED, first_accepted_at=timezone.now())
    Event.objects.create(name="deployment.failed", object_type="deployment", object_id=rollback.pk)
    react(rollback)
    assert Deployment.objects.filter(kind=Deployment.Kind.ROLLBACK).count() == 1


def test_two_failures_in_a_row_go_back_to_the_same_bytes(rows: Rows) -> None:
    good = rows.deployment()
    for replicas in (2, 3):
        react(ended(rows, replicas=replicas))
        rollback = selectors.active_deployment(rows.application, rows.target)
        assert rollback is not None
        final_stage = selectors.final_stage
        assert final_stage(rollback).manifest_set.sha256 == final_stage(good).manifest_set.sha256
        Deployment.objects.filter(pk=rollback.pk).update(status=Status.SUCCEEDED, finished_at=timezone.now())


def test_what_a_person_did_meanwhile_is_not_undone(rows: Rows) -> None:
    rows.deployment()
    failed = ended(rows, replicas=2)
    rows.deployment(Status.PENDING, replicas=3)
    react(failed)
    assert said(failed) == set()
    assert not Deployment.objects.filter(kind=Deployment.Kind.ROLLBACK).exists()


def test_a_cluster_in_maintenance_is_waited_for_and_then_given_up(rows: Rows) -> None:
    rows.deployment()
    failed = ended(rows, replicas=2)
    cluster = rows.target.cluster
    type(cluster).objects.filter(pk=cluster.pk).update(state="maintenance")
    for _ in range(2):
        with pytest.raises(SlipwayError):
            react(failed)
    assert list(failed.entries.values_list("code", flat=True)).count("deployment.rollback_waits") == 1
    Deployment.objects.filter(pk=failed.pk).update(finished_at=timezone.now() - timedelta(hours=2))
    react(failed)
    assert "deployment.not_rolled_back" in said(failed)

    Deployment.objects.filter(pk=failed.pk).update(finished_at=timezone.now())
    type(cluster).objects.filter(pk=cluster.pk).update(state="active")
    react(failed)
    assert "deployment.rolled_back_automatically" in said(failed)


def test_a_cluster_that_was_away_is_asked_before_anything_is_sent_to_it(rows: Rows) -> None:
    """The rows' cluster is nowhere: an errored deployment tried it, so its way back asks first."""
    rows.deployment()
    failed = ended(rows, Status.ERRORED, replicas=2)
    with pytest.raises(Unavailable):
        react(failed)
    assert said(failed) == {"deployment.rollback_waits"}
    assert not Deployment.objects.filter(kind=Deployment.Kind.ROLLBACK).exists()


def test_an_environment_that_does_not_ask_for_it_is_left_alone(rows: Rows) -> None:
    rows.target.environment.auto_rollback = False
    rows.target.environment.save()
    rows.deployment()
    failed = ended(rows, replicas=2)
    react(failed)
    assert said(failed) == set()
