"""Real `kill -9`s in the middle of real work: it ends as if nothing had happened, and nothing is done twice."""

from __future__ import annotations

import threading
import time

import httpx2
import pytest

from tests.chaos.shop import Shop
from tests.instance import Instance

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300), pytest.mark.xdist_group("chaos")]
CLICK_SECONDS = 10.0  # generous: what counts is that nobody waits for Redis to come back


@pytest.mark.parametrize("moment", ["queued", "running"])
def test_build_survives_its_worker(shop: Shop, instance: Instance, moment: str) -> None:
    since = shop.journal_end()
    number = shop.build("v2.0.0")
    shop.reach(lambda: shop.look_at_build(number), moment, "running")
    gone = instance.kill("worker")
    ended = shop.end_of(lambda: shop.look_at_build(number), "succeeded")
    assert ended["image_digest"].startswith("sha256:")
    assert list(shop.triggers(since).values()) == [1]
    instance.wait_back("worker", gone)


@pytest.mark.parametrize(
    ("service", "greeting"), [("worker-apply", "again"), ("sandbox", "from the dead"), ("postgres", "remembered")]
)
def test_rollout_survives(shop: Shop, instance: Instance, service: str, greeting: str) -> None:
    build = shop.built("v1.0.0")
    shop.configure(greeting)
    since = shop.journal_end()
    order = shop.release(build)
    number = shop.deployment(order)["number"]
    path = shop.world.path(f"deployments/{number}/")
    shop.reach(lambda: shop.world.dana.get(path), "applying", "progressing")
    gone = instance.kill(service)
    instance.wait_back(service, gone)
    shop.end_of(lambda: shop.world.dana.get(path), "succeeded")
    shop.end_of(lambda: shop.world.dana.get(shop.world.path(f"releases/{order}/")), "succeeded")
    shop.answers(version="1.0.0", greeting=greeting)
    assert shop.writes(since)
    assert set(shop.writes(since).values()) == {1}


def test_worker_killed_between_two_objects_goes_on_with_the_next(shop: Shop, instance: Instance) -> None:
    build = shop.built("v1.0.0")
    shop.configure("half way")
    since = shop.journal_end()
    with shop.fault(kind="slow", server="north", method="PATCH", path="/deployments/", seconds=3.0) as struck:
        order = shop.release(build)
        number = shop.deployment(order)["number"]
        path = shop.world.path(f"deployments/{number}/")
        struck()  # the worker waits for the cluster now, with some objects sent and some not
        gone = instance.kill("worker-apply")
    instance.wait_back("worker-apply", gone)
    shop.end_of(lambda: shop.world.dana.get(path), "succeeded")
    shop.answers(greeting="half way")
    assert set(shop.writes(since).values()) == {1}


def test_request_that_dies_with_the_web_did_nothing_or_all(shop: Shop, instance: Instance) -> None:
    builds = shop.world.path("builds/")
    before = shop.world.dana.get(builds)["count"]
    outcome: list[str] = []

    def click() -> None:
        try:
            shop.world.dana.post(builds, {"ref": "v1.0.0"})
            outcome.append("answered")
        except httpx2.HTTPError:
            outcome.append("cut")

    with shop.fault(kind="slow", server="gitlab", method="GET", path="/repository/", seconds=4.0) as struck:
        clicking = threading.Thread(target=click)
        clicking.start()
        struck()  # the web waits for GitLab now
        gone = instance.kill("web")
        clicking.join()
    instance.wait_back("web", gone)
    assert outcome == ["cut"]
    assert shop.world.dana.get(builds)["count"] == before
    number = shop.build("v1.0.0")
    shop.end_of(lambda: shop.look_at_build(number), "succeeded")


def test_click_without_redis_is_taken_and_finished_by_the_sweep(shop: Shop, instance: Instance) -> None:
    build = shop.built("v1.0.0")
    shop.configure("without Redis")
    since = shop.journal_end()
    with instance.away("redis"):
        began = time.monotonic()
        order = shop.release(build)
        assert time.monotonic() - began < CLICK_SECONDS
        assert shop.world.dana.get(shop.world.path(f"releases/{order}/"))["status"] not in ("failed", "errored")
    shop.end_of(lambda: shop.deployment(order), "succeeded")
    shop.end_of(lambda: shop.world.dana.get(shop.world.path(f"releases/{order}/")), "succeeded")
    shop.answers(greeting="without Redis")
    assert set(shop.writes(since).values()) == {1}


def test_everything_killed_comes_up_again_and_finishes(shop: Shop, instance: Instance) -> None:
    build = shop.built("v1.0.0")
    shop.configure("after the end")
    since = shop.journal_end()
    order = shop.release(build)
    number = shop.deployment(order)["number"]
    path = shop.world.path(f"deployments/{number}/")
    shop.reach(lambda: shop.world.dana.get(path), "applying", "progressing")
    instance.kill_everything()
    instance.up()
    shop.end_of(lambda: shop.world.dana.get(path), "succeeded")
    shop.answers(greeting="after the end")
    assert set(shop.writes(since).values()) == {1}
    assert instance.slipway("status").returncode == 0
