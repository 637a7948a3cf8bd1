"""Builds from the click to the digest or the cause, on real servers."""

from __future__ import annotations

import json
import os

import pytest

from apps.audit.models import AuditEntry
from apps.builds import presentation, selectors, services
from apps.builds.models import Build, Finding
from apps.core.errors import Blocked, Conflict, InvalidInput, PlatformError
from apps.core.models import Event
from apps.dockerfiles.models import BaseImage
from apps.integrations.jenkins.client import JenkinsClient
from apps.registry import selectors as registry
from apps.registry.models import Artifact
from tests.builds.world import World, drive, step


def test_a_commit_becomes_an_image(world: World) -> None:
    world.write_dockerfile()
    since = world.sandbox.journal_end()
    build = drive(world.request("v3.0.0"))  # a tag on a branch that is not the application's

    assert (build.status, build.cause_code) == ("succeeded", ""), selectors.log_text(build)[-2000:]
    assert (build.ref_kind, build.commit_title, build.commit_author) == ("tag", "Take payments", "Jun Wei")
    assert registry.image_exists(world.application, build.image_digest)
    slug = world.application.project.slug
    assert world.harbor.get_artifact(slug, world.application.slug, build.image_tag).digest == build.image_digest
    assert Artifact.objects.get(application=world.application).digest == build.image_digest
    assert (world.triggers(since), world.runs()) == (1, 1)
    build = selectors.get_build(world.application, build.number)
    assert [stage["status"] for stage in presentation.stages(build)] == ["succeeded"] * 5
    lines = selectors.log_lines(build)
    assert lines[-1] == "Finished: SUCCESS"
    assert build.log_lines == len(lines)
    secrets = (world.application.jenkins.secret, world.application.gitlab.secret, world.application.harbor.secret)
    assert not any(secret in selectors.log_text(build) for secret in secrets)
    history = Event.objects.filter(object_type="build", object_id=build.pk).order_by("id")
    names = list(history.values_list("name", flat=True))
    assert names == ["build.queued", "build.running", "build.verifying", "build.succeeded"]


def test_a_commit_that_does_not_compile_fails_at_its_line(world: World) -> None:
    world.use("broken-build")
    world.write_dockerfile()
    build = drive(world.request("main"))

    assert (build.status, build.failed_stage, build.cause_code) == ("failed", "build", "build.stage_failed")
    build = selectors.get_build(world.application, build.number)
    stages = {stage["key"]: stage["status"] for stage in presentation.stages(build)}
    assert (stages["clone"], stages["build"], stages["push"]) == ("succeeded", "failed", "not_reached")
    excerpt = selectors.failing_excerpt(build)
    assert excerpt is not None
    log = selectors.log_lines(build)
    assert log[excerpt.marked - 1] == excerpt.lines[excerpt.marked - excerpt.first]
    assert "SyntaxError" in "\n".join(excerpt.lines)
    assert not Artifact.objects.filter(application=world.application).exists()


@pytest.mark.parametrize(
    ("gate", "severity", "accepted"),
    [("high", "medium", True), ("high", "high", False), ("medium", "medium", False), ("off", "high", True)],
)
def test_the_scan_gate_decides_by_severity(
    world: World, monkeypatch: pytest.MonkeyPatch, gate: str, severity: str, accepted: bool
) -> None:
    finding = {
        "tool": "bandit",
        "rule": "B602",
        "severity": severity,
        "file": "main.py",
        "line": 3,
        "message": "A shell.",
    }
    read = JenkinsClient.read_artifact

    def with_a_finding(client: JenkinsClient, name: str, number: int, path: str) -> bytes:
        report = json.loads(read(client, name, number, path))
        report["scan"]["findings"].append(finding)
        return json.dumps(report).encode()

    monkeypatch.setattr(JenkinsClient, "read_artifact", with_a_finding)
    world.use("insecure", scan_gate=gate)
    world.write_dockerfile()
    build = drive(world.request("v1.0.0"))

    assert Finding.objects.filter(build=build, severity=severity, rule="B602", line=3).count() == 1
    assert Artifact.objects.filter(application=world.application).exists() == accepted
    if accepted:
        assert build.status == "succeeded"
    else:
        assert (build.status, build.failed_stage, build.cause_code) == ("failed", "scan", "build.scan_gate")
        assert build.cause_params["count"] >= 1


@pytest.mark.skipif("SLIPWAY_SCANNERS" not in os.environ, reason="the scanners' environment is not there")
def test_real_scanners_find_what_is_insecure(world: World) -> None:
    world.use("insecure", scan_gate="high")
    world.write_dockerfile()
    build = drive(world.request("v2.0.0"))
    assert (build.status, build.cause_code) == ("failed", "build.scan_gate")
    assert Finding.objects.filter(build=build, severity="high").count() == build.cause_params["count"] > 0


def test_cancel_reaches_the_run_in_jenkins(world: World) -> None:
    slow = "RUN sleep 60\n"
    text = world.write_dockerfile().content
    world.write_dockerfile(text.replace("RUN if [ -x", slow + "RUN if [ -x"))
    build = drive(world.request(), until=("running",))
    services.cancel_build(build=build, actor=world.developer)
    with pytest.raises(Conflict):
        services.cancel_build(build=build, actor=world.developer)
    build = drive(build, timeout=20)

    assert (build.status, build.result, build.cause_code) == ("canceled", "ABORTED", "")
    assert world.jenkins.get_build(build.job, build.build_number).building is False
    assert AuditEntry.objects.filter(action="build.cancel", object_id=build.pk).count() == 1


def test_cancel_before_jenkins_is_asked_asks_it_never(world: World) -> None:
    world.write_dockerfile()
    build, since = world.request(), world.sandbox.journal_end()
    services.cancel_build(build=build, actor=world.developer)
    assert step(build).status == "canceled"
    assert world.triggers(since) == 0


def test_who_stops_a_run_in_jenkins_is_told_apart(world: World) -> None:
    text = world.write_dockerfile().content
    world.write_dockerfile(text.replace("RUN if [ -x", "RUN sleep 60\nRUN if [ -x"))
    build = drive(world.request(), until=("running",))
    world.jenkins.stop_build(build.job, build.build_number)
    build = drive(build, timeout=20)
    assert (build.status, build.cause_code) == ("canceled", "build.aborted")


def test_nothing_is_built_without_a_dockerfile_that_keeps_the_rules(world: World) -> None:
    with pytest.raises(Blocked) as blocked:
        world.request()
    assert blocked.value.code == "build.no_dockerfile"
    world.write_dockerfile()
    BaseImage.objects.filter(stage="run", harbor=world.application.harbor).update(enabled=False)
    with pytest.raises(Blocked) as blocked:
        world.request()
    assert blocked.value.code == "build.dockerfile_refused"
    assert not Build.objects.exists()


@pytest.mark.parametrize("ref", ["gone", "deadbeef", "-x", "../../x", "a b", "f" * 40])
def test_a_ref_that_is_gone_is_refused(world: World, ref: str) -> None:
    world.write_dockerfile()
    with pytest.raises(InvalidInput) as caught:
        world.request(ref)
    assert caught.value.code == "repository.ref_missing"
    assert not Build.objects.exists()


def test_refs_mean_exact_commits(world: World) -> None:
    world.write_dockerfile()
    tag, branch = world.request("v2.1.0"), world.request("")
    short = world.request(tag.commit_sha[:8])
    assert (tag.ref_kind, branch.ref, branch.ref_kind, short.ref_kind) == ("tag", "main", "branch", "commit")
    assert tag.commit_sha == branch.commit_sha == short.commit_sha
    assert [tag.number, branch.number, short.number] == [1, 2, 3]


def test_a_repository_that_is_gone_and_a_gitlab_that_is_away(world: World) -> None:
    world.write_dockerfile()
    world.application.repository_id = 999_999
    with pytest.raises(InvalidInput):
        world.request("main")
    world.application.gitlab.url = "https://127.0.0.1:1"
    with pytest.raises(PlatformError) as caught:
        world.request("main")
    assert caught.value.retryable
    assert not Build.objects.exists()
