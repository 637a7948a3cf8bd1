"""A whole order rolled back on real servers: two applications in two waves, released twice, taken back with one click."""

from __future__ import annotations

from apps.deployments import selectors as deployments
from apps.deployments import services as deploying
from apps.deployments.models import Deployment
from apps.releases import services
from apps.releases.models import ReleaseOrder, Status
from tests import world as worlds
from tests.releases.world import ReleaseWorld


def carry_out(order: ReleaseOrder) -> ReleaseOrder:
    """Run the steps of an order and of its deployments, as workers would, until it has ended."""

    def step(pk: int) -> None:
        services.advance_order(pk)
        for deployment in Deployment.objects.filter(
            application__in=order.items.values("application"), finished_at=None
        ):
            worlds.drive(deployment, deploying.advance_deployment, seconds=120)
        ReleaseOrder.objects.filter(pk=pk, finished_at=None).update(next_step_at=None)

    return worlds.drive(order, step, seconds=240)


def test_two_applications_in_two_waves_go_back_to_their_bytes(world: ReleaseWorld) -> None:
    base = world.base
    first = world.application
    second = base.application()
    builds = {app.pk: base.build(app, "v1.0.0") for app in (first, second)}

    def release(greeting: str) -> ReleaseOrder:
        wishes = [
            services.Wish(
                app,
                builds[app.pk],
                ReleaseWorld(base, app, world.people).revision(
                    env=[{"name": "GREETING", "value": greeting}], replicas=1
                ),
                wave,
            )
            for wave, app in enumerate((first, second))
        ]
        order = services.create_order(environment=base.environment, wishes=wishes, actor=world.actor())
        order = carry_out(services.submit_order(order=order, actor=world.actor()))
        assert order.status == Status.SUCCEEDED
        return order

    def answers() -> set[str]:
        return {base.get(app, target).text for app in (first, second) for target in base.targets}

    def bytes_of() -> dict[tuple[int, int], str]:
        found = {}
        for app in (first, second):
            for target in base.targets:
                live = deployments.live_deployment(app, target)
                assert live is not None
                found[app.pk, target.pk] = deployments.final_stage(live).manifest_set.sha256
        return found

    release("hello")
    earlier = bytes_of()
    assert all("hello" in text for text in answers())
    order = release("goodbye")
    assert all("goodbye" in text for text in answers())

    made = carry_out(services.roll_back_order(order=order, actor=world.actor("approver"), note="too sad"))
    assert made.status == Status.SUCCEEDED
    assert bytes_of() == earlier
    assert all("hello" in text for text in answers())
    # The last wave went first: everything of the second application was asked for before anything of the first.
    back = list(
        Deployment.objects.filter(kind=Deployment.Kind.ROLLBACK).order_by("id").values_list("application", flat=True)
    )
    assert back == [second.pk] * 2 + [first.pk] * 2
