"""A commit becomes running processes, a bad version fails with its cause, and a rollback brings the bytes back."""

from __future__ import annotations

import pytest

from apps.deployments import services
from apps.deployments.models import Status
from tests.world import DOCUMENT, World, drive, until


@pytest.mark.slow
def test_versions_go_out_fail_and_come_back(world: World) -> None:
    application = world.application()
    target = world.targets[0]
    build = world.build(application, "v1.0.0")
    assert build.status == "succeeded", (build.cause_code, build.cause_params, build.error_code, build.error_params)

    first = drive(world.deploy(application, target, build), services.advance_deployment)
    assert first.status == Status.SUCCEEDED, (
        first.cause_code,
        first.cause_params,
        first.error_code,
        first.error_params,
    )
    answer = world.get(application, target)
    assert answer.json()["version"] == "1.0.0"
    assert answer.json()["greeting"] == "hello"

    bad = world.build(application, "v3.0.0")
    failed = drive(world.deploy(application, target, bad), services.advance_deployment, seconds=90)
    assert failed.status == Status.FAILED
    assert failed.cause_code == "pod.crash_loop"
    assert failed.cause_params["exit_code"] == 3
    assert failed.evidence["lines"]
    assert world.get(application, target).json()["version"] == "1.0.0"

    again = world.deploy(application, target, bad, {**DOCUMENT, "env": [{"name": "GREETING", "value": "later"}]})
    until(again, services.advance_deployment, lambda row: row.status == Status.PROGRESSING)
    rollback = services.request_rollback(deployment=first, actor=world.actor)
    again.refresh_from_db()
    assert again.status == Status.SUPERSEDED
    drive(rollback, services.advance_deployment)
    assert rollback.status == Status.SUCCEEDED
    assert rollback.stages.get().manifest_set == first.stages.get().manifest_set
    assert world.get(application, target).json()["greeting"] == "hello"
