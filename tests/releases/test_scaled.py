"""A release says before that it sets the number of pods which somebody changed by scaling."""

from __future__ import annotations

from apps.deployments.models import Deployment, Status
from apps.releases import services
from tests.releases.world import ReleaseWorld


def test_a_scaling_since_the_last_release_is_told(world: ReleaseWorld) -> None:
    target = world.base.targets[0]
    Deployment.objects.create(
        application=world.application,
        target=target,
        number=900,
        kind=Deployment.Kind.SCALE,
        status=Status.SUCCEEDED,
        parameters={"replicas": 5},
        created_by_name="dana",
    )
    order = services.make_plan(order=world.order(), actor=world.actor())
    gates = [gate for gate in order.gates if gate["code"] == "gate.scaled"]
    assert [(gate["level"], gate["target"]) for gate in gates] == [("warn", str(target))]
    assert gates[0]["params"] == {"target": str(target), "pods": "5", "by": "dana", "number": 900}
