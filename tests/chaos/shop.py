"""The story's shop, and what the sandbox's journal says was done to it."""

from __future__ import annotations

import contextlib
import copy
import ssl
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2

from deploy.local.story import chapters, outside, world
from deploy.local.story.api import is_final, wait
from tests.instance import Instance

ENVIRONMENT, CLUSTER = "staging", "north"
END_SECONDS = 120
EFFECTS = ("created", "changed")


@dataclass
class Shop:
    """An application on one target, used through the API."""

    instance: Instance
    world: world.World
    builds: dict[str, int] = field(default_factory=dict)

    def build(self, ref: str) -> int:
        """Ask for a build and return its number."""
        return int(self.world.dana.post(self.world.path("builds/"), {"ref": ref})["number"])

    def look_at_build(self, number: int) -> dict[str, Any]:
        """Return a build as the API tells it."""
        found: dict[str, Any] = self.world.dana.get(self.world.path(f"builds/{number}/"))
        return found

    def built(self, ref: str) -> int:
        """Return the number of a build of a ref that succeeded."""
        if ref not in self.builds:
            number = self.build(ref)
            self.end_of(lambda: self.look_at_build(number), "succeeded")
            self.builds[ref] = number
        return self.builds[ref]

    def configure(self, greeting: str) -> None:
        """Save a DeployYml that gives this greeting."""
        document = copy.deepcopy(world.DOCUMENT)
        document["env"] = [{"name": "GREETING", "value": greeting}]
        document["secrets"] = []
        chapters.configure(self.world, document, greeting)

    def release(self, build: int) -> int:
        """Ask for a release and return its number."""
        asked = {"environment": ENVIRONMENT, "build": build, "note": "", "submit": True}
        return int(self.world.dana.post(self.world.path("releases/"), asked)["number"])

    def deployment(self, order: int) -> dict[str, Any]:
        """Return the deployment of a release order, once there is one."""
        found: list[dict[str, Any]] = wait(
            lambda: chapters.deployments_of(self.world, order), bool, seconds=60, what="a deployment"
        )
        return found[0]

    def reach(self, ask: Callable[[], dict[str, Any]], *statuses: str) -> None:
        """Wait until what is asked for is in one of these statuses, or beyond."""
        wait(
            ask,
            lambda found: found["status"] in statuses or is_final(found),
            seconds=60,
            what=str(statuses),
            every=0.02,
        )

    def end_of(self, ask: Callable[[], dict[str, Any]], expected: str) -> dict[str, Any]:
        """Return what has ended, as expected."""
        ended: dict[str, Any] = wait(ask, is_final, seconds=END_SECONDS, what=f"it is {expected}")
        assert ended["status"] == expected, ended
        return ended

    def answers(self, **expected: str) -> None:
        """Check that the released processes answer as expected, asked by a stranger."""
        host = self.world.host(CLUSTER, ENVIRONMENT)
        told = outside.fetch(self.world.ingress(CLUSTER), host)
        assert {name: told.get(name) for name in expected} == expected

    def journal_end(self) -> int:
        """Return where the journal is now."""
        entries = outside.journal(self.world.endpoints["control"], self.world.ca)
        return int(entries[-1]["n"]) if entries else 0

    def triggers(self, since: int) -> Counter[str]:
        """Return how often Jenkins was told to run each build."""
        entries = outside.journal(self.world.endpoints["control"], self.world.ca, since, "jenkins")
        return Counter(
            entry["build_id"]
            for entry in entries
            if entry["method"] == "POST" and "buildWithParameters" in entry["path"] and entry.get("build_id")
        )

    def writes(self, since: int) -> Counter[str]:
        """Return how often each object of the application was really changed by Slipway."""
        entries = outside.journal(self.world.endpoints["control"], self.world.ca, since, CLUSTER)
        return Counter(
            entry["path"].partition("?")[0]
            for entry in entries
            if entry["method"] == "PATCH" and entry.get("fieldManager") == "slipway" and not entry.get("dryRun")
            and entry.get("effect") in EFFECTS
        )  # fmt: skip

    @contextlib.contextmanager
    def fault(self, **settings: Any) -> Iterator[Callable[[], None]]:
        """Switch a fault of the sandbox on for a while; yields what waits until it has struck for the last time."""
        control = self.world.endpoints["control"]
        with httpx2.Client(
            base_url=control["url"], headers={"Authorization": f"Bearer {control['token']}"},
            verify=ssl.create_default_context(cafile=self.world.ca),
        ) as client:  # fmt: skip
            number = client.post("/faults", json=settings).raise_for_status().json()["id"]

            def struck() -> None:
                def are_on() -> list[Any]:
                    return [fault["id"] for fault in client.get("/faults").json()]

                wait(are_on, lambda on: number not in on, seconds=60, what=f"a fault strikes: {settings}", every=0.05)

            try:
                yield struck
            finally:
                client.delete("/faults", params={"id": str(number)})


def open_shop(instance: Instance) -> Shop:
    """Return the shop with version 1 released."""
    shop = Shop(instance, world.set_up(instance.home))
    chapters.write_dockerfile(shop.world)
    shop.configure("Welcome")
    order = shop.release(shop.built("v1.0.0"))
    shop.end_of(lambda: shop.deployment(order), "succeeded")
    return shop
