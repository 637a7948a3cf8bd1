"""Builds from the click to the digest, on real servers."""

from __future__ import annotations

from apps.builds import presentation, selectors
from apps.registry import selectors as registry
from apps.registry.models import Artifact
from tests.builds.world import World, drive


def test_a_commit_becomes_an_image(world: World) -> None:
    world.write_dockerfile()
    since = world.sandbox.journal_end()
    build = drive(world.request("v1.0.0"))

    assert (build.status, build.cause_code) == ("succeeded", ""), selectors.log_text(build)[-2000:]
    assert registry.image_exists(world.application, build.image_digest)
    assert (
        world.harbor.get_artifact(world.application.project.slug, world.application.slug, build.image_tag).digest
        == build.image_digest
    )
    assert Artifact.objects.get(application=world.application).digest == build.image_digest
    assert world.triggers(since) == 1
    build = selectors.get_build(world.application, build.number)
    assert [stage["status"] for stage in presentation.stages(build)] == ["succeeded"] * 5
    lines = selectors.log_lines(build)
    assert lines[-1] == "Finished: SUCCESS"
    assert build.log_lines == len(lines)
