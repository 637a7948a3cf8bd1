"""Maintenance says who and why, keeps changes away, and lets what is under way wait without running out of time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apps.audit.models import AuditEntry
from apps.clusters import services
from apps.clusters.models import Cluster
from apps.core.errors import Conflict, InvalidInput
from apps.core.models import Event
from apps.deployments.models import Deployment, Status
from tests import factories
from tests.deployments.rows import browser, make
from tests.deployments.world import step

pytestmark = pytest.mark.django_db


def test_it_says_who_why_and_since_when() -> None:
    admin = factories.user(is_superuser=True)
    cluster, actor = factories.cluster(), factories.actor(admin)
    with pytest.raises(InvalidInput) as refused:
        services.begin_maintenance(cluster=cluster, reason="  ", actor=actor)
    assert set(refused.value.fields) == {"reason"}

    services.begin_maintenance(cluster=cluster, reason="new nodes", actor=actor)
    with pytest.raises(Conflict, match=r"cluster\.already"):
        services.begin_maintenance(cluster=cluster, reason="again", actor=actor)
    cluster.refresh_from_db()
    assert (cluster.maintenance_reason, cluster.maintenance_by_name) == ("new nodes", admin.username)
    assert cluster.maintenance_since is not None

    services.end_maintenance(cluster=cluster, actor=actor)
    with pytest.raises(Conflict, match=r"cluster\.already"):
        services.end_maintenance(cluster=cluster, actor=actor)
    cluster.refresh_from_db()
    assert (cluster.in_maintenance, cluster.maintenance_reason, cluster.maintenance_since) == (False, "", None)
    assert AuditEntry.objects.filter(action="cluster.maintenance").count() == 2
    assert list(Event.objects.order_by("id").values_list("name", flat=True)) == [
        "cluster.maintenance_began",
        "cluster.maintenance_ended",
    ]


def test_pages_and_the_api_switch_it() -> None:
    people, cluster = factories.personas(), factories.cluster()
    page, door = f"/clusters/{cluster.slug}/", f"/api/v1/clusters/{cluster.slug}/maintenance/"
    assert browser(people.owner).post(f"{page}maintenance/", {"on": "1", "reason": "x"}).status_code == 403
    admin = browser(people.platform_admin)
    assert admin.post(f"{page}maintenance/", {"on": "1", "reason": ""}).status_code == 422
    assert admin.post(f"{page}maintenance/", {"on": "1", "reason": "new nodes"}).status_code == 302
    assert b"new nodes" in browser(people.viewer).get(page).content
    assert admin.post(f"{page}maintenance/", {"on": "0"}).status_code == 302

    program = APIClient()
    program.force_authenticate(people.platform_admin)
    program.force_login(people.platform_admin, backend="django.contrib.auth.backends.ModelBackend")
    assert program.put(door, {"on": True}, format="json").status_code == 400
    on = program.put(door, {"on": True, "reason": "disks"}, format="json")
    assert (on.status_code, on.json()["state"], on.json()["maintenance_reason"]) == (200, "maintenance", "disks")
    assert program.put(door, {"on": False}, format="json").json()["state"] == "active"


@pytest.mark.parametrize("status", [Status.PENDING, Status.APPLYING, Status.PROGRESSING])
def test_a_deployment_under_way_waits_and_its_deadline_moves_along(status: Status) -> None:
    rows = make()
    deployment = rows.deployment(status)
    deadline = timezone.now() + timedelta(seconds=1)
    Deployment.objects.filter(pk=deployment.pk).update(deadline_at=deadline)
    Cluster.objects.update(state="maintenance", maintenance_reason="new nodes", maintenance_by_name="ada")
    for _ in range(3):
        step(deployment)
    assert (deployment.status, deployment.error_code) == (status, "")
    assert deployment.deadline_at is not None
    assert deployment.deadline_at > deadline + timedelta(seconds=20)
    said = deployment.entries.filter(code="deployment.waits_for_maintenance")
    assert [entry.params["reason"] for entry in said] == ["new nodes"], "said once, not with every look"
