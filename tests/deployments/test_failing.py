"""Versions that do not run, and clusters that do not answer."""

from __future__ import annotations

import pytest
from django.utils import timezone

from apps.clusters import breaker
from apps.core.actors import system_actor
from apps.core.errors import Blocked, Conflict
from apps.core.models import Event
from apps.deployments import auto_rollback, presentation, selectors, services
from apps.deployments.models import Deployment, Status
from apps.manifests import services as manifests
from apps.manifests.selectors import list_images
from apps.registry import selectors as registry
from apps.registry.models import Hold
from tests.deployments.world import Place, finish, greeting, running, step, until

SECRET = "very-secret-value-17"
CRASH = "import os, sys; print('no database at', os.environ['DB_PASSWORD'], flush=True); sys.exit(3)"
EAT = "import time\nkept = []\nwhile True:\n    kept.append(bytearray(b'x' * (8 << 20)))\n    time.sleep(0.02)"


def auto_roll_back(place: Place, failed: Deployment) -> None:
    event = Event.objects.get(name="deployment.failed", object_id=failed.pk)
    auto_rollback.roll_back_automatically(event.pk)


def test_a_crash_names_its_exit_code_and_last_lines_without_secrets(place: Place) -> None:
    manifests.set_secret(application=place.application, key="DB_PASSWORD", value=SECRET, actor=place.world.actor)
    environment = [{"name": "GREETING", "value": "x"}, {"name": "DB_PASSWORD", "secret": "DB_PASSWORD"}]
    failed = place.run(running(CRASH, env=environment, secrets=[{"name": "DB_PASSWORD"}]))
    assert (failed.status, failed.cause_code) == (Status.FAILED, "pod.crash_loop")
    assert failed.cause_params["exit_code"] == 3
    assert failed.evidence["exit_code"] == 3
    assert failed.evidence["lines"] == ["no database at ***"]
    assert SECRET not in str([failed.evidence, failed.cause_params, list(failed.entries.values_list("params"))])
    assert "exit code 3" in presentation.timeline(failed)[-1]["title"]


def test_too_much_memory_names_the_limit(place: Place) -> None:
    document = running(EAT, resources={"limits": {"memory": "64Mi"}, "requests": {"memory": "32Mi"}}, probes={})
    failed = place.run(document)
    assert (failed.status, failed.cause_code) == (Status.FAILED, "pod.oom_killed")
    assert failed.cause_params["limit"] == "64Mi"
    assert failed.evidence["exit_code"] == 137


def test_an_environment_rolls_back_by_itself(place: Place) -> None:
    environment = place.target.environment
    good = place.run(greeting("good"))
    bad = place.run(running("import sys; sys.exit(1)"))
    auto_roll_back(place, bad)
    assert selectors.active_deployment(place.application, place.target) is None, "only where it was asked for"

    environment.auto_rollback = True
    environment.save()
    auto_roll_back(place, bad)
    auto_roll_back(place, bad)
    rollback = selectors.active_deployment(place.application, place.target)
    assert rollback is not None
    assert (rollback.rollback_of, rollback.created_by_name) == (good, system_actor("auto-rollback").name)
    assert finish(rollback).status == Status.SUCCEEDED
    assert place.greetings() == {"good"}
    bad.refresh_from_db()
    assert bad.status == Status.FAILED
    assert bad.entries.filter(code="deployment.rolled_back_automatically").count() == 1


def test_without_an_earlier_version_it_says_so(place: Place) -> None:
    place.target.environment.auto_rollback = True
    place.target.environment.save()
    bad = place.run(running("import sys; sys.exit(1)"))
    auto_roll_back(place, bad)
    assert bad.entries.last().code == "deployment.nothing_to_roll_back_to"
    with pytest.raises(Conflict) as refused:
        services.request_rollback(deployment=bad, actor=place.world.actor)
    assert refused.value.code == "deployment.never_succeeded"


def test_an_image_that_is_gone_blocks_the_way_back_and_is_named_by_a_rollout(place: Place) -> None:
    good = place.run(greeting("good"))
    place.digest = "sha256:" + "0" * 64
    with place.sandbox.fault(kind="status", status=404, server="harbor", path=place.digest, times=None):
        rollout = place.request(greeting("lost"))
        until(rollout, Status.PROGRESSING)
        for _ in range(80):
            if step(rollout).cause_code == "pod.image_missing":
                break
        assert rollout.cause_code == "pod.image_missing"
        assert place.digest in rollout.cause_params["image"]

    digest = selectors.final_stage(good).manifest_set.image_digest
    path = f"/v2/{place.application.image_repository}/manifests/{digest}"
    with (
        place.sandbox.fault(kind="status", status=404, server="harbor", path=path, times=None),
        pytest.raises(Blocked) as blocked,
    ):
        services.request_rollback(deployment=good, actor=place.world.actor)
    assert [code for code, _ in blocked.value.blockers] == ["registry.image_gone"]
    rollout.refresh_from_db()
    assert rollout.status == Status.PROGRESSING, "what is refused supersedes nothing"


def test_every_image_of_a_version_is_looked_for_in_its_registry(place: Place) -> None:
    reference = registry.image_reference(place.application, place.digest)
    gone = f"{reference.partition('@')[0]}@sha256:{'0' * 64}"
    objects = [
        {"kind": "Service", "spec": {}},
        {
            "kind": "Deployment",
            "spec": {
                "template": {
                    "spec": {
                        "containers": [{"image": reference}, {"image": "elsewhere.example/proxy:v1"}],
                        "initContainers": [{"image": gone}, {"image": gone}],
                    }
                }
            },
        },
    ]
    images = list_images(objects)
    assert images == [reference, "elsewhere.example/proxy:v1", gone]
    assert registry.missing_images(place.application, images) == [gone]


def test_a_cause_is_named_without_the_right_to_read_events(place: Place) -> None:
    with place.sandbox.fault(kind="status", status=403, server=place.cluster, path="/events", times=None):
        failed = place.run(running("import sys; sys.exit(3)"))
    assert (failed.status, failed.cause_code) == (Status.FAILED, "pod.crash_loop")


def test_a_look_asks_for_the_events_of_what_is_not_well_alone(place: Place) -> None:
    rolling = until(place.request(running("import time; time.sleep(600)")), Status.PROGRESSING)
    asked = place.sandbox.journal_end()
    step(rolling)
    about = [entry for entry in place.sandbox.journal(place.cluster, asked) if entry["path"].endswith("/events")]
    assert len(about) <= 1
    assert all("involvedObject.uid" in str(entry) for entry in about)


def test_a_registry_that_is_away_does_not_stop_a_rollback(place: Place) -> None:
    good = place.run(greeting("good"))
    place.run(greeting("newer"))
    with place.sandbox.fault(kind="status", status=503, server="harbor", path="/v2/", times=None):
        rollback = services.request_rollback(deployment=good, actor=place.world.actor)
    assert rollback.entries.filter(code="deployment.image_unchecked").exists()
    assert finish(rollback).status == Status.SUCCEEDED
    assert place.greetings() == {"good"}


def test_an_expired_token_is_named_and_waited_for(place: Place) -> None:
    cluster = place.target.cluster
    document = place.manifest_set(greeting("one"))
    good, cluster.token = cluster.token, "expired"
    cluster.save()
    made = services.request_deployment(
        application=place.application, target=place.target, manifest_set=document, actor=place.world.actor
    )
    waiting = step(Deployment.objects.get(pk=made.pk))
    assert (waiting.status, waiting.error_code) == (Status.APPLYING, "integration.credentials_refused")
    assert cluster.name in presentation.cause(waiting)["message"]

    Deployment.objects.filter(pk=made.pk).update(deadline_at=timezone.now())
    errored = step(Deployment.objects.get(pk=made.pk))
    assert (errored.status, errored.error_code) == (Status.ERRORED, "integration.credentials_refused")
    assert presentation.timeline(errored)[-1]["tone"] == "red"

    again = services.request_deployment(
        application=place.application, target=place.target, manifest_set=document, actor=place.world.actor
    )
    step(Deployment.objects.get(pk=again.pk))
    cluster.token = good
    cluster.save()
    assert finish(Deployment.objects.get(pk=again.pk)).status == Status.SUCCEEDED


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 429, "retry_after": 1},
        {"kind": "status", "status": 500},
        {"kind": "status", "status": 503},
        {"kind": "drop"},
        {"kind": "drop_after"},
    ],
    ids=lambda fault: f"{fault['kind']} {fault.get('status', '')}".strip(),
)
def test_storms_delay_and_double_nothing(place: Place, fault: dict[str, object]) -> None:
    deployment = place.request(greeting("one"))
    with place.sandbox.fault(**fault, server=place.cluster, path=f"/{place.target.namespace}/", times=7):
        finish(deployment)
    assert (deployment.status, deployment.error_code) == (Status.SUCCEEDED, "")
    assert place.get("Deployment")["metadata"]["generation"] == 1


def test_a_dead_cluster_is_left_alone_and_ends_it_at_the_deadline(place: Place) -> None:
    deployment = place.request(greeting("one"))
    with place.sandbox.fault(kind="drop", server=place.cluster, path=f"/{place.target.namespace}/", times=None):
        for _ in range(breaker.FAILURES):
            step(deployment)
        assert breaker.seconds_until_try(place.target.cluster_id) > 0
        assert presentation.cause(deployment)["code"] == "integration.unavailable"
        asked = place.sandbox.journal_end()
        step(deployment)
        assert not [
            entry for entry in place.sandbox.journal(place.cluster, asked) if place.target.namespace in entry["path"]
        ]

        Deployment.objects.filter(pk=deployment.pk).update(deadline_at=timezone.now())
        finish(deployment)
    assert (deployment.status, deployment.error_code) == (Status.ERRORED, "integration.unavailable")


def test_the_deadline_names_what_the_rollout_waited_for(place: Place) -> None:
    probes = {"readiness": {"type": "tcp", "port": "http", "period": 1}}
    deployment = until(place.request(running("import time; time.sleep(600)", probes=probes)), Status.PROGRESSING)
    Deployment.objects.filter(pk=deployment.pk).update(deadline_at=timezone.now())
    finish(deployment)
    assert deployment.status == Status.FAILED
    assert deployment.cause_code in ("rollout.deadline_exceeded", "pod.readiness_failing")


def test_every_deployment_holds_its_image(place: Place) -> None:
    deployment = place.request(greeting("one"))
    assert Hold.objects.filter(holder=f"deployment:{deployment.pk}", digest=place.digest).exists()
