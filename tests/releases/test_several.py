"""An order of several applications: drawn up row by row, planned each, carried out in waves."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from apps.applications.models import Application
from apps.core.errors import InvalidInput
from apps.deployments.models import Deployment
from apps.deployments.models import Status as DeploymentStatus
from apps.releases import plan, selectors, services
from apps.releases.models import ReleaseOrder, Status
from tests import factories
from tests.releases.world import ReleaseWorld, end


@pytest.fixture
def other(world: ReleaseWorld) -> ReleaseWorld:
    """The same people with a second application of the project."""
    return ReleaseWorld(world.base, world.base.application(), world.people)


def wish(world: ReleaseWorld, wave: int = 0) -> services.Wish:
    return services.Wish(world.application, world.build(), world.revision(), wave)


def order_of(world: ReleaseWorld, *wishes: services.Wish, **fields: Any) -> ReleaseOrder:
    return services.create_order(environment=world.base.environment, wishes=wishes, actor=world.actor(), **fields)


def deployments_of(application: Application) -> list[Deployment]:
    return list(Deployment.objects.filter(application=application).order_by("id"))


def test_waves_go_one_after_another(world: ReleaseWorld, other: ReleaseWorld) -> None:
    # Wave 7 is the second: gaps do not count.
    order = order_of(world, wish(world, 7), wish(other, 2))
    order = services.submit_order(order=order, actor=world.actor())
    assert order.status == Status.EXECUTING
    assert [item.wave for item in world.again(order).items.all()] == [0, 1]
    order = world.step(order)
    assert len(deployments_of(other.application)) == 2
    assert not deployments_of(world.application)
    for deployment in deployments_of(other.application):
        end(deployment, DeploymentStatus.SUCCEEDED)
    world.step(order)
    order = world.step(order)
    assert len(deployments_of(world.application)) == 2
    for deployment in deployments_of(world.application):
        end(deployment, DeploymentStatus.SUCCEEDED)
    assert world.step(order).status in (Status.EXECUTING, Status.SUCCEEDED)
    assert world.step(order).status == Status.SUCCEEDED


def test_a_failed_wave_pauses_the_order_until_a_person_decides(world: ReleaseWorld, other: ReleaseWorld) -> None:
    order = services.submit_order(order=order_of(world, wish(world, 0), wish(other, 1)), actor=world.actor())
    world.step(order)
    good, bad = deployments_of(world.application)
    end(good, DeploymentStatus.SUCCEEDED)
    end(bad, DeploymentStatus.FAILED)
    order = world.step(order)
    assert order.status == Status.PAUSED
    assert not deployments_of(other.application)
    paused = order.entries.get(code="release.paused")
    assert paused.params["targets"] == f"{world.application.slug} {bad.target}"
    order = services.retry_order(order=order, actor=world.actor())
    world.step(order)
    assert [row.target_id for row in deployments_of(world.application)] == [
        good.target_id,
        bad.target_id,
        bad.target_id,
    ]


def test_the_plan_has_every_application_and_its_hash_knows_the_waves(world: ReleaseWorld, other: ReleaseWorld) -> None:
    first, second = wish(world), wish(other)
    together = services.make_plan(order=order_of(world, first, second), actor=world.actor())
    planned = selectors.planned_targets(together)
    assert {(row.item.application_id, row.target_id) for row in planned} == {
        (app.pk, target.pk) for app in (world.application, other.application) for target in world.base.targets
    }
    assert {gate["application"] for gate in together.gates} == {"", world.application.name, other.application.name}
    later = services.Wish(second.application, second.build, second.revision, wave=1)
    apart = services.make_plan(order=order_of(world, first, later), actor=world.actor())
    assert apart.plan_hash != together.plan_hash
    assert plan.hash_of(apart, selectors.planned_targets(apart)) == apart.plan_hash


@pytest.mark.parametrize("case", ["nothing", "twice", "foreign project", "foreign build", "wave"])
def test_what_does_not_belong_together_is_refused(world: ReleaseWorld, other: ReleaseWorld, case: str) -> None:
    first = wish(world)
    stranger = factories.application()
    wishes = {
        "nothing": [],
        "twice": [first, first],
        "foreign project": [first, services.Wish(stranger, first.build, first.revision)],
        "foreign build": [first, services.Wish(other.application, first.build, first.revision)],
        "wave": [services.Wish(first.application, first.build, first.revision, wave=99)],
    }[case]
    with pytest.raises(InvalidInput):
        order_of(world, *wishes)
    assert not ReleaseOrder.objects.filter(application=world.application).exists()


def test_an_order_is_listed_with_each_of_its_applications(world: ReleaseWorld, other: ReleaseWorld) -> None:
    order = services.make_plan(order=order_of(world, wish(world), wish(other)), actor=world.actor())
    for application in (world.application, other.application):
        assert list(selectors.list_orders_of(application)) == [order]
        listed = world.client("viewer").get(f"{application.get_absolute_url()}releases/").content.decode()
        assert order.get_absolute_url() in listed
    assert {f"application:{world.application.pk}", f"application:{other.application.pk}"} <= set(order.live_topics())


def test_several_through_the_pages_row_by_row(world: ReleaseWorld, other: ReleaseWorld) -> None:
    builds = {one.application.slug: (one.build().number, one.revision().number) for one in (world, other)}
    client = world.client("developer")
    url = f"/projects/{world.base.project.slug}/releases/new/"
    empty = client.get(url).content.decode()
    assert "Choose application" in empty
    assert "Make the plan" not in empty

    first, second = builds
    given: dict[str, Any] = {"environment": "production", "note": "both", "start": "by_hand", "scheduled_for": ""}
    added = client.post(url, given | {"add": "1", "more": first})
    assert added.status_code == 200
    assert f'name="item-{first}-build"' in added.content.decode()
    given |= {"application": [first], f"item-{first}-build": builds[first][0], f"item-{first}-deployyml_revision": builds[first][1], f"item-{first}-wave": 2}  # fmt: skip
    both = client.post(url, given | {"add": "1", "more": second}).content.decode()
    assert f'name="item-{second}-build"' in both
    assert ">both</textarea>" in both.replace("\n", "")
    given |= {"application": [first, second], f"item-{second}-build": builds[second][0], f"item-{second}-deployyml_revision": builds[second][1], f"item-{second}-wave": 1}  # fmt: skip
    alone = client.post(url, given | {"remove": first}).content.decode()
    assert f'name="item-{first}-build"' not in alone
    assert not ReleaseOrder.objects.filter(application__project=world.base.project).exists()

    wrong = client.post(url, given | {f"item-{second}-wave": 0})
    assert wrong.status_code == 422
    made = client.post(url, given)
    assert made.status_code == 302, made.content
    order = ReleaseOrder.objects.get(application__project=world.base.project)
    assert [(item.application.slug, item.wave) for item in order.items.all()] == [(second, 0), (first, 1)]
    shown = client.get(made["Location"]).content.decode()
    assert "Brings 2 applications to Production in 2 waves." in shown
    for slug in builds:
        assert f'id="target-{slug}-north"' in shown
    # In production the project's name is typed for several applications.
    assert f'data-confirm-name="{world.base.project.slug}"' not in shown  # nothing begins with the submission
    assert client.post(f"{made['Location']}submit/").status_code == 302
    assert client.post(f"{made['Location']}execute/", {"confirm_name": first}).status_code == 400
    assert client.post(f"{made['Location']}execute/", {"confirm_name": world.base.project.slug}).status_code == 302
    order.refresh_from_db()
    assert order.status == Status.EXECUTING


def test_several_through_the_api(world: ReleaseWorld, other: ReleaseWorld) -> None:
    url = f"/api/v1/projects/{world.base.project.slug}/releases/"
    items = [
        {"application": one.application.slug, "build": one.build().number, "wave": wave}
        for wave, one in ((2, world), (1, other))
    ]
    for one in (world, other):
        one.revision()

    def post(role: str, given: dict[str, Any], *scopes: str) -> Any:
        headers = world.token(role, *(scopes or ("release",)))
        return Client().post(url, given, content_type="application/json", headers=headers)

    given = {"environment": "production", "items": items}
    assert post("viewer", given).status_code == 403
    assert post("stranger", given).status_code == 404
    assert post("developer", given, "read").status_code == 403
    assert post("developer", {"environment": "production", "items": []}).status_code == 400
    unknown = post("developer", {**given, "items": [{"application": "nobody", "build": 1}]})
    assert unknown.json()["error"]["details"]["fields"] == {"application": ["unknown"]}
    made = post("developer", given)
    assert made.status_code == 201, made.content
    order = made.json()
    assert order["application"] == world.application.slug
    assert [(row["application"], row["wave"]) for row in order["items"]] == [
        (other.application.slug, 1),
        (world.application.slug, 2),
    ]
    assert {(row["application"], row["target"], row["wave"]) for row in order["plan"]["targets"]} == {
        (other.application.slug, "north", 1),
        (other.application.slug, "south", 1),
        (world.application.slug, "north", 2),
        (world.application.slug, "south", 2),
    }
    listed = Client().get(url, headers=world.token("viewer", "read")).json()
    assert [row["number"] for row in listed["results"]] == [order["number"]]
