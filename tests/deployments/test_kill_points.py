"""Whatever a deployment comes to, it comes to the same when its process is killed at every point on the way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from apps.core.models import Event
from apps.deployments import operations, services
from apps.deployments.models import Deployment, Status
from tests.deployments.kills import after_each_request, before_each_write
from tests.deployments.world import Place, greeting, running, until

pytestmark = pytest.mark.timeout(300)
# What a rollout says while it goes on depends on when it is looked at.
PASSING = ("deployment.ready", "pod.", "rollout.")
CRASH = "import sys; print('no database', flush=True); sys.exit(3)"


@dataclass(frozen=True)
class Story:
    """How a deployment begins and how it ends; `removed` are the objects that are deleted on the way."""

    begin: Callable[[Place], Deployment]
    status: str
    timeline: list[str]
    greetings: set[str]
    applied: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)


def first(place: Place) -> Deployment:
    return place.request(greeting("one", files=[{"path": "/etc/app/a", "content": "a"}]))


def second(place: Place) -> Deployment:
    place.run(greeting("one"))
    return place.request(greeting("two", service={"enabled": False}))


def crashing(place: Place) -> Deployment:
    place.run(greeting("one"))
    return place.request(running(CRASH, env=[{"name": "GREETING", "value": "bad"}]))


def refused(place: Place) -> Deployment:
    place.run(greeting("one"))
    patch = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": place.application.slug, "namespace": place.target.namespace},
        "spec": {"replicas": 1, "revisionHistoryLimit": 3},
    }
    place.client.apply(patch, field_manager="somebody", force=True)
    return place.request(greeting("two"))


def canceled(place: Place) -> Deployment:
    deployment = until(place.request(greeting("one")), Status.PROGRESSING)
    services.cancel_deployment(deployment=deployment, actor=place.world.actor)
    deployment.refresh_from_db()
    return deployment


def restarted(place: Place) -> Deployment:
    place.run(greeting("one"))
    return operations.request_restart(application=place.application, target=place.target, actor=place.world.actor)


def scaled(place: Place) -> Deployment:
    place.run(greeting("one"))
    return operations.request_scale(
        application=place.application, target=place.target, actor=place.world.actor, replicas=2
    )


def removed(place: Place) -> Deployment:
    place.run(greeting("one", files=[{"path": "/etc/app/a", "content": "a"}]))
    return operations.request_removal(
        application=place.application,
        target=place.target,
        actor=place.world.actor,
        confirmed=place.application.slug,
    )


def back(place: Place) -> Deployment:
    good = place.run(greeting("good"))
    until(place.request(greeting("bad")), Status.PROGRESSING)
    return services.request_rollback(deployment=good, actor=place.world.actor)


APPLIED = ["deployment.requested", "deployment.applying", "deployment.applied"]
STORIES = {
    "first version": Story(
        first,
        Status.SUCCEEDED,
        [*APPLIED, "deployment.succeeded"],
        {"one"},
        {"configmaps", "deployments.apps", "services"},
    ),
    "next version": Story(
        second,
        Status.SUCCEEDED,
        [*APPLIED, "deployment.pruned", "deployment.succeeded"],
        {"two"},
        {"deployments.apps"},
        {"services"},
    ),
    "bad version": Story(crashing, Status.FAILED, APPLIED, {"one", "bad"}, {"deployments.apps"}),
    "refused version": Story(
        refused,
        Status.FAILED,
        ["deployment.requested", "deployment.applying", "deployment.half_way", "apply.conflict"],
        {"one"},
    ),
    "canceled version": Story(
        canceled, Status.CANCELED, [*APPLIED, "deployment.cancel_requested", "deployment.canceled_rolling"], {"one"}
    ),
    "way back": Story(
        back,
        Status.SUCCEEDED,
        ["deployment.rollback_requested", *APPLIED[1:], "deployment.succeeded"],
        {"good"},
        {"deployments.apps"},
    ),
    "restart": Story(
        restarted,
        Status.SUCCEEDED,
        ["deployment.restart_requested", "deployment.restarting", "deployment.accepted", "deployment.succeeded"],
        {"one"},
        {"deployments.apps"},
    ),
    "scaling": Story(
        scaled,
        Status.SUCCEEDED,
        ["deployment.scale_requested", "deployment.scaling", "deployment.accepted", "deployment.succeeded"],
        {"one"},
        {"deployments.apps"},
    ),
    "removal": Story(
        removed,
        Status.SUCCEEDED,
        [
            "deployment.removal_requested",
            "deployment.removing",
            "deployment.removal_accepted",
            "deployment.removed",
        ],
        set(),
        removed={"configmaps", "deployments.apps", "services"},
    ),
}


@pytest.fixture(params=STORIES, ids=list(STORIES))
def story(request: pytest.FixtureRequest) -> Story:
    return STORIES[request.param]


def test_killed_after_each_request(place: Place, story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    deployment, since = story.begin(place), place.sandbox.journal_end()
    with after_each_request(monkeypatch) as kills:
        kills.drive(deployment)
    assert kills.points or story.status == Status.CANCELED
    check(place, story, deployment, since)


def test_killed_before_each_write(place: Place, story: Story) -> None:
    deployment, since = story.begin(place), place.sandbox.journal_end()
    with before_each_write() as kills:
        kills.drive(deployment)
    assert len(kills.points) >= 3, kills.points
    check(place, story, deployment, since)


def check(place: Place, story: Story, deployment: Deployment, since: int) -> None:
    """Check that all is as if nobody had been killed."""
    assert deployment.status == story.status, (deployment.cause_code, deployment.cause_params, deployment.error_code)
    codes = deployment.entries.order_by("id").values_list("code", flat=True)
    assert [code for code in codes if not code.startswith(PASSING)] == story.timeline
    events = Event.objects.filter(object_id=deployment.pk, name__startswith="deployment.")
    assert set(Counter(events.values_list("name", flat=True)).values()) == {1}
    effects = [entry for entry in place.sandbox.journal(place.cluster, since) if ours(entry, place)]
    assert Counter(entry["resource"] for entry in effects if entry["method"] == "PATCH") == dict.fromkeys(
        story.applied, 1
    )
    assert Counter(entry["resource"] for entry in effects if entry["method"] == "DELETE") == dict.fromkeys(
        story.removed, 1
    )
    assert place.greetings() == story.greetings
    if story.status == Status.FAILED and not story.timeline[-1].startswith("apply."):
        assert deployment.evidence["lines"] == ["no database"]


def ours(entry: dict[str, Any], place: Place) -> bool:
    """Return whether a request was Slipway's and changed something of the place."""
    return (
        entry.get("namespace") == place.target.namespace
        and str(entry.get("fieldManager")).startswith("slipway")
        and entry.get("effect") in ("created", "changed", "deleted")
        and not entry.get("dryRun")
    )
