"""What a cluster quotes is masked before it is stored, whichever step writes it."""

from __future__ import annotations

import pytest

from apps.deployments.models import Deployment
from apps.manifests import services as manifests
from tests import factories
from tests.deployments.rows import make

SECRET, TOKEN = "hunter2-of-the-shop", "eyJhbGciOiJSUzI1NiIsImtpZCI6"


@pytest.mark.django_db
def test_secret_values_and_the_clusters_token_are_masked() -> None:
    rows = make()
    actor = factories.actor(rows.people.owner)
    manifests.set_secret(application=rows.application, key="KEY", value="older-" + SECRET, actor=actor)
    manifests.set_secret(application=rows.application, key="KEY", value=SECRET, actor=actor)
    rows.target.cluster.token = TOKEN
    rows.target.cluster.save()
    row = Deployment.objects.get(pk=rows.deployment("progressing").pk)
    row.record(
        cause_code="pod.probe_failing",
        cause_params={"message": f"said {SECRET}", "count": 3},
        evidence={"lines": [f"password older-{SECRET}"], "events": [{"message": TOKEN, "at": None}], "exit_code": 1},
    )
    row.refresh_from_db()
    assert row.cause_params == {"message": "said ***", "count": 3}
    assert row.evidence == {"lines": ["password ***"], "events": [{"message": "***", "at": None}], "exit_code": 1}
