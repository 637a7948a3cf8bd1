"""A build killed anywhere, and systems that are slow, forgetful or wrong: one run in Jenkins, and the truth in the end."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.builds import runs, selectors, services
from apps.builds.models import Build, BuildStage, Finding, LogChunk
from apps.builds.triggering import MOST_TRIGGERS, SETTLE
from apps.connections import selectors as connections
from apps.integrations.calls import Timeout
from apps.integrations.errors import OutcomeUnknown
from apps.integrations.jenkins.client import JenkinsClient
from apps.registry.models import Artifact
from tests.builds.world import World, drive, step


class Killed(BaseException):
    """The worker is gone: nobody catches this."""


class Killer:
    """Kills before and after each kind of write, once each."""

    def __init__(self) -> None:
        self.struck: set[tuple[str, str]] = set()

    def wrap(self, owner: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Make a method of `owner` deadly."""
        kept = getattr(owner, name)

        def deadly(row: Any, *args: Any, **kwargs: Any) -> Any:
            target = str(args[0]) if args and isinstance(args[0], str) else ",".join(sorted(kwargs))
            for moment in ("before", "after"):
                key = (f"{name} {target}", moment)
                if moment == "after":
                    answer = kept(row, *args, **kwargs)
                if key not in self.struck:
                    self.struck.add(key)
                    raise Killed(key)
            return answer

        monkeypatch.setattr(owner, name, deadly)


def write_slow_dockerfile(world: World) -> None:
    """Save a Dockerfile whose build runs until it is stopped."""
    text = world.write_dockerfile().content
    world.write_dockerfile(text.replace("RUN if [ -x", "RUN sleep 60\nRUN if [ -x"))


def settle(build: Build) -> None:
    """Let the time pass that a step waits for what a trigger without an answer did, and the lease of the dead expire."""
    asked = Build.objects.get(pk=build.pk).triggered_at
    if asked is not None:
        Build.objects.filter(pk=build.pk).update(triggered_at=asked - runs.IN_FLIGHT)
    Build.objects.filter(pk=build.pk).update(leased_until=None)


def test_killed_before_and_after_every_write_it_ends_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.write_dockerfile()
    build, since = world.request(), world.sandbox.journal_end()
    killer = Killer()
    killer.wrap(Build, "transition", monkeypatch)
    killer.wrap(Build, "record", monkeypatch)
    deaths = 0
    for _ in range(60):
        try:
            build = drive(build)
            break
        except Killed:
            deaths += 1
            settle(build)

    assert build.status == "succeeded", (build.status, build.error_code, build.cause_code)
    statuses = {"queued", "running", "verifying", "succeeded"}
    assert {f"transition {status}" for status in statuses - {"queued"}} <= {name for name, _ in killer.struck}
    assert deaths >= 8
    assert (world.triggers(since), world.runs()) == (1, 1)
    assert Artifact.objects.filter(application=world.application).count() == 1
    assert "".join(LogChunk.objects.filter(build=build).values_list("text", flat=True)).count("Finished: SUCCESS") == 1
    assert selectors.log_lines(build)[0].startswith("Started by")
    assert build.log_lines == len(selectors.log_lines(build))
    assert BuildStage.objects.filter(build=build).count() == 4 + 1


def test_killed_between_intent_and_trigger_it_asks_once_it_is_sure(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.write_dockerfile()
    build, since = world.request(), world.sandbox.journal_end()

    def die(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("apps.integrations.jenkins.client.JenkinsClient.trigger", die)
        with pytest.raises(Killed):
            step(build)
    Build.objects.filter(pk=build.pk).update(leased_until=None)
    assert step(build).status == "pending"
    assert world.triggers(since) == 0
    settle(build)
    assert step(build).status == "queued"
    assert world.triggers(since) == 1


def test_a_trigger_whose_answer_is_lost_is_not_sent_again(world: World) -> None:
    world.write_dockerfile()
    build, since = world.request(), world.sandbox.journal_end()
    with world.sandbox.fault(
        kind="drop_after", server="jenkins", method="POST", path=f"{world.job}buildWithParameters"
    ):
        build = step(build)
    assert build.status == "pending"
    settle(build)
    build = drive(build)
    assert (build.status, world.triggers(since), world.runs()) == ("succeeded", 1, 1)


def trigger_and_die(monkeypatch: pytest.MonkeyPatch, build: Build) -> None:
    """Kill the worker while Jenkins has its trigger and has not answered; its lease runs out, and half a minute passes."""
    kept = JenkinsClient.trigger

    def trigger(client: JenkinsClient, name: str, parameters: Mapping[str, str]) -> int:
        with suppress(OutcomeUnknown):
            kept(client, name, parameters)
        raise Killed

    connection = connections.client_connection(build.application.jenkins)
    with monkeypatch.context() as patch:
        patch.setattr(runs, "client_of", lambda _build: JenkinsClient(connection, timeout=Timeout(read=0.5)))
        patch.setattr(JenkinsClient, "trigger", trigger)
        with pytest.raises(Killed):
            step(build)
    build.refresh_from_db()
    assert build.triggered_at is not None
    asked = build.triggered_at - timedelta(seconds=30)
    Build.objects.filter(pk=build.pk).update(leased_until=None, triggered_at=asked)


def test_a_trigger_that_jenkins_takes_in_long_after_the_worker_died_is_the_only_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.write_dockerfile()
    build, since = world.request(), world.sandbox.journal_end()
    with world.sandbox.fault(kind="late", seconds=4, server="jenkins", path=f"{world.job}buildWithParameters"):
        trigger_and_die(monkeypatch, build)
        build = step(build)
        # It may be on its way: nothing is sent.
        assert (build.status, build.triggers, world.runs()) == ("pending", 1, 0)
        build = drive(build)
    assert (build.status, world.triggers(since), world.runs()) == ("succeeded", 1, 1)


@pytest.mark.parametrize("wish", ["deadline", "cancel"])
def test_a_run_that_starts_after_nobody_wants_it_any_more_is_stopped(
    world: World, monkeypatch: pytest.MonkeyPatch, wish: str
) -> None:
    write_slow_dockerfile(world)
    build = world.request()
    with world.sandbox.fault(kind="late", seconds=3, server="jenkins", path=f"{world.job}buildWithParameters"):
        trigger_and_die(monkeypatch, build)
        if wish == "deadline":
            Build.objects.filter(pk=build.pk).update(deadline_at=timezone.now() - timedelta(minutes=10))
        else:
            services.cancel_build(build=build, actor=world.developer)
        assert step(build).status == "pending"
        build = drive(build, timeout=30)
    assert (build.status, build.cause_code) == {
        "deadline": ("errored", "build.timed_out"),
        "cancel": ("canceled", ""),
    }[wish]
    assert world.runs() <= 1
    run = world.jenkins.find_build(build.job, runs.ID_PARAMETER, str(build.uid))
    assert run is None or not run.building
    assert world.jenkins.find_queued(build.job, runs.ID_PARAMETER, str(build.uid)) is None


@pytest.mark.parametrize("wish", ["deadline", "cancel"])
def test_an_item_that_became_a_run_meanwhile_is_stopped_as_a_run(world: World, wish: str) -> None:
    write_slow_dockerfile(world)
    build = drive(world.request(), until=("queued",))
    until = time.monotonic() + 20
    while world.jenkins.find_build(build.job, runs.ID_PARAMETER, str(build.uid)) is None:
        assert time.monotonic() < until
        time.sleep(0.1)
    if wish == "deadline":
        Build.objects.filter(pk=build.pk).update(deadline_at=timezone.now() - timedelta(seconds=1))
    else:
        services.cancel_build(build=build, actor=world.developer)
    build = drive(build, timeout=30)
    assert build.status == {"deadline": "errored", "cancel": "canceled"}[wish]
    assert world.jenkins.find_build(build.job, runs.ID_PARAMETER, str(build.uid)).building is False


def test_what_leaves_the_queue_between_two_looks_is_not_missed() -> None:
    class Moving:
        """A Jenkins in which the item becomes a run as soon as the queue was read."""

        started = False

        def find_queued(self, *_: str) -> None:
            self.started = True

        def find_build(self, *_: str) -> str | None:
            return "the run" if self.started else None

    assert runs.find(Moving(), Build(job="slipway/shop/web")) == "the run"  # type: ignore[arg-type]


@pytest.mark.parametrize(("status", "sure"), [(503, True), (500, False)])
def test_a_trigger_that_surely_did_nothing_is_sent_again_at_once(world: World, status: int, sure: bool) -> None:
    world.write_dockerfile()
    build, path = world.request(), f"{world.job}buildWithParameters"
    with world.sandbox.fault(kind="status", status=status, server="jenkins", path=path):
        build = step(build)
    assert (build.status, build.error_code) == ("pending", "integration.unavailable")
    assert (build.triggered_at is None, build.triggers) == (sure, 0 if sure else 1)
    assert step(build).status == ("queued" if sure else "pending")


def test_jenkins_restarted_with_the_build_queued(world: World) -> None:
    world.write_dockerfile()
    build, since = world.request(), world.sandbox.journal_end()
    build = drive(build, until=("queued", "running"))
    world.sandbox.restart_server("jenkins")
    for _ in range(3):
        settle(build)
        build = drive(build, until=("queued", "running") if not build.is_final else ())
        if build.is_final:
            break
    settle(build)
    build = drive(build)
    # Whatever the restart found: it ends, and never with two runs that succeeded.
    assert build.status in {"succeeded", "failed", "canceled", "errored"}
    assert build.cause_code or build.status == "succeeded"
    assert world.triggers(since) <= MOST_TRIGGERS


def test_a_forgotten_queue_item_is_found_by_our_id(world: World) -> None:
    world.write_dockerfile()
    build, since = world.request(), world.sandbox.journal_end()
    build = drive(build, until=("queued",))
    Build.objects.filter(pk=build.pk, status="queued").update(queue_item_id=999_999)
    build = drive(build)
    assert (build.status, world.triggers(since), world.runs()) == ("succeeded", 1, 1)


def test_a_build_that_jenkins_never_had_is_asked_for_again_and_given_up_in_the_end(world: World) -> None:
    world.write_dockerfile()
    build = world.request()
    lost = {"status": "queued", "queue_item_id": 999_999, "job": "slipway/nowhere/at-all", "triggers": MOST_TRIGGERS}
    Build.objects.filter(pk=build.pk).update(triggered_at=timezone.now() - SETTLE, **lost)
    build = step(build)
    assert (build.status, build.cause_code, build.cause_params) == ("errored", "build.lost", {"count": MOST_TRIGGERS})


def test_a_run_deleted_in_jenkins_is_told(world: World) -> None:
    world.write_dockerfile()
    build = drive(world.request(), until=("running",))
    Build.objects.filter(pk=build.pk).update(build_number=4711)
    build = step(build)
    assert (build.status, build.cause_code) == ("errored", "build.deleted")
    assert build.cause_params["number"] == 4711


def test_jenkins_that_is_unwell_for_a_while_is_waited_for(world: World) -> None:
    world.write_dockerfile()
    build = drive(world.request(), until=("running",))
    with world.sandbox.fault(kind="status", status=503, server="jenkins", path=world.job, times=None):
        build = step(build)
        assert (build.status, build.attempts > 0, build.error_code != "") == ("running", True, True)
        assert build.next_step_at is not None
        assert build.next_step_at > timezone.now()
    build = step(build)
    assert (build.error_code, build.attempts) == ("", 0)
    assert drive(build).status == "succeeded"


def test_a_build_past_its_deadline_is_stopped(world: World) -> None:
    write_slow_dockerfile(world)
    build = drive(world.request(), until=("running",))
    Build.objects.filter(pk=build.pk).update(deadline_at=timezone.now() - timedelta(seconds=1))
    build = drive(build, timeout=30)
    assert (build.status, build.cause_code) == ("errored", "build.timed_out")
    assert world.jenkins.get_build(build.job, build.build_number).building is False


def test_an_image_that_the_registry_does_not_have_is_no_success(world: World) -> None:
    world.write_dockerfile()
    build = drive(world.request(), until=("verifying",))
    slug, app = world.application.project.slug, world.application.slug
    for artifact in world.harbor.list_artifacts(slug, app):
        world.harbor.delete_artifact(slug, app, artifact.digest)
    build = step(build)
    assert (build.status, build.cause_code) == ("errored", "build.image_missing")
    assert not Artifact.objects.filter(application=world.application).exists()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"build_id": "somebody-elses"}, "build.wrong_report"),
        ({"commit": None}, "build.wrong_report"),
        ({"image": None}, "build.wrong_report"),
        ({"schema_version": 2}, "build.bad_report"),
        (None, "build.bad_report"),
    ],
)
def test_a_report_is_not_believed_blindly(
    world: World, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any] | None, code: str
) -> None:
    world.write_dockerfile()
    build = world.request()
    report = {
        "schema_version": 1, "build_id": str(build.uid), "result": "succeeded", "stages": [],
        "job": {"name": "x", "number": 1, "url": ""}, "image": None,
        "scan": {"status": "ran", "scanners": [], "findings": []},
        "commit": {
            "id": build.commit_sha, "author": "", "email": "", "committed_at": "", "subject": "", "branch": "", "url": "",
        },
    }  # fmt: skip
    content = b"{" if change is None else json.dumps({**report, **change}).encode()
    monkeypatch.setattr("apps.integrations.jenkins.client.JenkinsClient.read_artifact", lambda *_args: content)
    Build.objects.filter(pk=build.pk).update(status="verifying", build_number=1, job="x")
    build = step(build)
    assert build.status == "errored"
    assert build.error_code == code
    assert not Finding.objects.filter(build=build).exists()
