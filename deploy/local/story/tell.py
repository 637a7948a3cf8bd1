"""Tell the story: the chapters in order, one line each, and an exit code that says whether all were confirmed."""

from __future__ import annotations

import hashlib
import os
import time
from contextlib import closing
from typing import Any

from deploy.local.console import step
from deploy.local.home import Home

from . import chapters, outside
from .api import StoryError
from .world import CLUSTERS, DOCUMENT, PLANTED, World, set_up


def run(*, exit_after: bool) -> int:
    """Tell the story and return 0 only if every step was confirmed from outside."""
    began = time.monotonic()
    print("\nThe story: a commit becomes running processes, and the way back.\n")
    try:
        url = tell(Home.locate(os.environ))
    except StoryError as exc:
        print(f"\nThe story broke: {exc}\nLogs: ./slipway logs")
        return 1
    print(f"\nEverything was confirmed from outside, in {time.monotonic() - began:.0f} s.")
    if not exit_after:
        print(f"The console is open at {url} with this story in it; ./slipway status says what runs.")
    return 0


def tell(home: Home) -> str:
    """Tell every chapter and return where the console is.

    Raises:
        StoryError: something could not be confirmed.
    """
    with step("people, systems, two clusters, a project") as current:
        world = set_up(home)
        current.result = f"{world.url}/projects/demo/"
    with closing(world):
        _tell(world)
    return world.url


def _tell(world: World) -> None:
    since = (outside.journal(world.endpoints["control"], world.ca) or [{"n": 0}])[-1]["n"]
    with step("a Dockerfile in three stages, a DeployYml, a secret"):
        chapters.write_dockerfile(world)
        world.dana.post(world.path("secrets/"), {"key": "DB_PASSWORD", "value": PLANTED})
        chapters.configure(world, DOCUMENT, "to begin with")
    with step("build v1.0.0: clone, scan, build, push") as current:
        v1 = chapters.build(world, current, "v1.0.0")
    with step("release v1 to production, approved by someone else") as current:
        order, _ = chapters.release(world, current, "production", v1, note="the first version")
        first = chapters.finish(world, current, order)
        chapters.confirm(world, {"version": "1.0.0", "greeting": "Welcome", "feature": "classic"}, seconds=10)
        chapters.confirm_image(world, v1["image_digest"])
        for cluster in CLUSTERS:
            told = outside.fetch(world.ingress(cluster), world.host(cluster), "/secret-check")
            if hashlib.sha256(PLANTED.encode()).hexdigest() not in str(told):
                raise StoryError(f"the process on {cluster} did not get its secret: {told}")
        current.result = "v1 answers on both clusters, with its secret"
    with step("build v2.0.0") as current:
        v2 = chapters.build(world, current, "v2.0.0")
    with step("v2 replaces v1 under 50 new connections a second") as current:

        def bring_v2() -> None:
            number, _ = chapters.release(world, current, "production", v2, note="a new shop front")
            chapters.finish(world, current, number)

        seen = chapters.replace_under_load(world, current, "production", CLUSTERS[0], bring_v2)
        if seen.failures:
            raise StoryError(f"the client saw failures: {seen}; first: {seen.failures[:3]}")
        chapters.confirm(world, {"version": "2.0.0"}, seconds=20)
    _negative_control(world, v1, v2)
    with step("configuration alone: the same image, other behaviour") as current:
        chapters.configure(world, chapters.with_greeting("Season's greetings"), "for the season")
        order, _ = chapters.release(world, current, "production", v2, note="for the season")
        chapters.finish(world, current, order)
        chapters.confirm(
            world, {"version": "2.0.0", "greeting": "Season's greetings", "feature": "seasonal"}, seconds=20
        )
        chapters.confirm_image(world, v2["image_digest"])
        current.result = f"same digest {v2['image_digest'][:19]}…"
    with step("build v3.0.0, which crashes at start") as current:
        v3 = chapters.build(world, current, "v3.0.0")
    with step("v3 fails, its cause is named, v2 serves on") as current:
        order, _ = chapters.release(world, current, "production", v3, note="something with payments")
        failed = chapters.finish(world, current, order, expect="failed")
        chapters.confirm(world, {"version": "2.0.0"}, seconds=5)
        current.result = chapters.crash(failed)
    with step("v3 again, rolled back to v1 while still in progress") as current:
        chapters.release(world, current, "production", v3, note="it must have been a glitch")
        chapters.roll_back(world, current, first, version="1.0.0")
    with step("build v4.0.0, which leaks memory") as current:
        v4 = chapters.build(world, current, "v4.0.0")
    with step("v4 is reported OOMKilled with its limit") as current:
        order, _ = chapters.release(world, current, "production", v4, note="pages rendered ahead")
        current.result = chapters.leak(world, current, order)
    with step("back to v1") as current:
        chapters.roll_back(world, current, first, version="1.0.0")
    with step("nothing was done twice") as current:
        current.result = chapters.nothing_twice(world, since, builds=4)
    with step("the planted secret is stored nowhere") as current:
        current.result = chapters.nothing_leaked(world, os.environ["DATABASE_URL"], os.environ["REDIS_URL"])


def _negative_control(world: World, old: dict[str, Any], new: dict[str, Any]) -> None:
    """Show that the client would have seen failures: the same change where readiness probe and preStop are switched off."""
    with step("negative control: the same on staging, without readiness and preStop") as current:
        order, _ = chapters.release(world, current, "staging", old, note="unprotected")
        chapters.finish(world, current, order)

        def bring() -> None:
            number, _ = chapters.release(world, current, "staging", new, note="unprotected, again")
            chapters.finish(world, current, number)

        seen = chapters.replace_under_load(world, current, "staging", "north", bring)
        if not seen.failures:
            raise StoryError(f"the control saw no failure, so the test above proves nothing: {seen}")
