"""The chapters: each does one thing through the console and confirms it from outside."""

from __future__ import annotations

import copy
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

from deploy.local.console import Step

from . import leaks, outside
from .api import StoryError, is_final, wait
from .world import APP, CLUSTERS, DOCUMENT, PLANTED, PROJECT, UNPROTECTED, World

BUILD_SECONDS, ROLLOUT_SECONDS = 120, 120


def write_dockerfile(world: World) -> None:
    """Save the template's Dockerfile as the application's."""
    path = world.path("dockerfile/")
    template = world.dana.get(f"{path}template/")["content"]
    newest = world.dana.get(path)
    world.dana.post(
        path,
        {"content": template, "note": "from the template", "expected_number": newest[0]["number"] if newest else None},
    )


def configure(world: World, document: dict[str, Any], note: str) -> int:
    """Save a DeployYml revision and return its number."""
    path = world.path("deployyml/")
    newest = world.dana.get(f"{path}revisions/")["results"]
    wanted = {"base": document, "overrides": UNPROTECTED, "note": note}
    wanted["expected_number"] = newest[0]["number"] if newest else None
    return int(world.dana.post(path, wanted)["number"])


def build(world: World, step: Step, ref: str) -> dict[str, Any]:
    """Build a ref, and confirm that a stranger's client gets its image from the registry by digest."""
    number = world.dana.post(world.path("builds/"), {"ref": ref})["number"]

    def look() -> Any:
        found = world.dana.get(world.path(f"builds/{number}/"))
        step.say(f"build {number} {found['status']}")
        return found

    found: dict[str, Any] = wait(look, is_final, seconds=BUILD_SECONDS, what=f"build {number} of {ref}")
    if found["status"] != "succeeded":
        raise StoryError(f"build {number} of {ref} {found['status']}: {found.get('cause')}")
    registry = world.endpoints["harbor"]["registry"]
    outside.registry_has(registry, f"{PROJECT}/{APP}", found["image_digest"], world.registry_login(), world.ca)
    step.result = f"build {number}, {found['image_digest'][:19]}… is in the registry"
    return found


def release(
    world: World, step: Step, environment: str, built: dict[str, Any], *, note: str
) -> tuple[int, list[dict[str, Any]]]:
    """Submit a release order, have it approved where the environment needs that, and return it once it executes."""
    orders = world.path("releases/")
    asked = {"environment": environment, "build": built["number"], "note": note, "submit": True}
    order = world.dana.post(orders, asked)
    number = order["number"]
    if order["status"] == "submitted":
        own = {"note": "I approve myself"}
        world.dana.ask("POST", f"{orders}{number}/approve/", own, expect=(403, 409))
        world.amir.post(f"{orders}{number}/approve/", {"note": "looks right"})
        step.say(f"release {number} approved by {world.amir.name}")
    deployments = wait(
        partial(deployments_of, world, number),
        bool,
        seconds=30,
        what=f"release {number} starts its deployments",
    )
    return number, deployments


def deployments_of(world: World, order: int) -> list[dict[str, Any]]:
    """Return the deployments of a release order, nothing before it has one on every target."""
    targets = world.dana.get(world.path(f"releases/{order}/"))["plan"]["targets"]
    if not all(target["deployment"] for target in targets):
        return []
    numbers = [target["deployment"]["number"] for target in targets]
    return [world.dana.get(world.path(f"deployments/{number}/")) for number in numbers]


def finish(
    world: World, step: Step, order: int, *, expect: str = "succeeded", seconds: float = ROLLOUT_SECONDS
) -> list[dict[str, Any]]:
    """Wait until every deployment of an order has ended as expected, and return them."""

    def look() -> list[dict[str, Any]]:
        rows = deployments_of(world, order)
        step.say(", ".join(f"{row['cluster']} {row['status']} {row['ready']}/{row['wanted']}" for row in rows))
        return rows

    rows: list[dict[str, Any]] = wait(
        look, lambda found: all(is_final(row) for row in found), seconds=seconds, what=f"release {order} ends"
    )
    wrong = [row for row in rows if row["status"] != expect]
    if wrong:
        causes = "; ".join(f"{row['cluster']}: {row['status']} {row.get('cause')}" for row in wrong)
        raise StoryError(f"release {order} was to end {expect}: {causes}")
    wait(
        lambda: world.dana.get(world.path(f"releases/{order}/")),
        is_final,
        seconds=20,
        what=f"release order {order} ends with its deployments",
    )
    return rows


def confirm(world: World, expected: dict[str, str], *, seconds: float = 0) -> None:
    """Confirm on every production cluster that released processes answer as expected."""
    for cluster in CLUSTERS:

        def answers(cluster: str = cluster) -> dict[str, Any]:
            return outside.fetch(world.ingress(cluster), world.host(cluster))

        def right(answer: dict[str, Any]) -> bool:
            return all(str(answer.get(name)) == value for name, value in expected.items())

        wait(answers, right, seconds=seconds, what=f"{cluster} answers {expected}")


def confirm_image(world: World, digest: str) -> None:
    """Confirm by the clusters' own API that they run a digest."""
    for cluster, kubernetes in world.clusters.items():
        image = kubernetes.deployment_image(world.namespace("production"), APP)
        if not image.endswith(f"@{digest}"):
            raise StoryError(f"{cluster} runs {image}, not {digest}")


def replace_under_load(
    world: World, step: Step, environment: str, cluster: str, bring: Callable[[], None]
) -> outside.Load:
    """Run `bring` (a release) while a client opens 50 new connections a second, and return what it saw."""
    with outside.load(world.ingress(cluster), world.host(cluster, environment)) as seen:
        time.sleep(1)
        bring()
        time.sleep(3)
    step.result = str(seen)
    return seen


def with_greeting(greeting: str) -> dict[str, Any]:
    """Return the DeployYml with another greeting and another configuration file."""
    document = copy.deepcopy(DOCUMENT)
    document["env"][0]["value"] = greeting
    document["files"][0]["content"] = '{"feature": "seasonal"}\n'
    return document


def roll_back(world: World, step: Step, to: list[dict[str, Any]], *, version: str) -> None:
    """Roll every production target back to earlier deployments, and confirm the bytes and the answer within seconds."""
    began = time.monotonic()
    made = []
    for row in to:
        path = world.path(f"deployments/{row['number']}/rollback/")
        made.append((row, world.dana.post(path, {"note": "back to safety"})))
    accepted = []
    for row, rollback in made:
        if rollback["sha256"] != row["sha256"]:
            raise StoryError(f"the rollback on {row['cluster']} has other bytes: {rollback['sha256']}")
        ended: dict[str, Any] = wait(
            lambda number=rollback["number"]: world.dana.get(world.path(f"deployments/{number}/")),  # type: ignore[misc]
            is_final,
            seconds=ROLLOUT_SECONDS,
            what=f"rollback {rollback['number']}",
        )
        if ended["status"] != "succeeded":
            raise StoryError(f"rollback {ended['number']} {ended['status']}: {ended.get('cause')}")
        accepted.append(_seconds_between(ended["created_at"], ended["first_accepted_at"]))
    confirm(world, {"version": version}, seconds=10)
    took = time.monotonic() - began
    step.result = (
        f"same SHA-256 {made[0][0]['sha256'][:12]}…, first object accepted after {max(accepted):.2f} s, "
        f"answering after {took:.1f} s"
    )


def _seconds_between(begin: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()


def crash(rows: list[dict[str, Any]]) -> str:
    """Confirm that every deployment names a crash with its exit code and last lines; return it in words."""
    for row in rows:
        cause, evidence = row["cause"] or {}, row["evidence"]
        if cause.get("code") != "pod.crash_loop" or cause["params"].get("exit_code") != 3 or not evidence.get("lines"):
            raise StoryError(f"{row['cluster']} does not name the crash: {cause} {evidence}")
    row = rows[0]
    return f"“{row['cause']['message']}” — last line: {row['evidence']['lines'][-1][:90]}"


def leak(world: World, step: Step, order: int) -> str:
    """Confirm that the leaking version is reported OOMKilled with its limit, by the deployment or by the pods."""

    def look() -> dict[str, Any]:
        causes: dict[str, Any] = {}
        for row in deployments_of(world, order):
            if (row["cause"] or {}).get("code") == "pod.oom_killed":
                causes[row["cluster"]] = row["cause"]
        for cluster in CLUSTERS:
            pods = world.dana.get(world.path(f"targets/production/{cluster}/pods/"))["pods"]
            found = [pod["cause"] for pod in pods if (pod["cause"] or {}).get("code") == "pod.oom_killed"]
            if found:
                causes.setdefault(cluster, found[0])
        step.say(f"reported on {', '.join(causes) or 'no cluster yet'}")
        return causes

    causes = wait(look, lambda found: len(found) == len(CLUSTERS), seconds=90, what="the leak is reported", every=1)
    for cluster, cause in causes.items():
        if cause["params"].get("limit") != "128Mi":
            raise StoryError(f"{cluster} does not name the limit: {cause}")
    return f"“{causes[CLUSTERS[0]]['message']}”"


def nothing_twice(world: World, since: int, builds: int) -> str:
    """Confirm by the sandbox's journal: one Jenkins build per build, one effective write per object and deployment."""
    entries = outside.journal(world.endpoints["control"], world.ca, since)
    triggered = [
        entry["build_id"]
        for entry in entries
        if entry["server"] == "jenkins" and entry["method"] == "POST" and entry.get("build_id")
        and "buildWithParameters" in entry["path"]
    ]  # fmt: skip
    if len(triggered) != len(set(triggered)) or len(triggered) != builds:
        raise StoryError(f"{builds} builds were triggered {len(triggered)} times: {triggered}")
    writes = [
        entry
        for entry in entries
        if entry["server"] in CLUSTERS and entry.get("fieldManager") == "slipway" and not entry.get("dryRun")
        and entry.get("effect") in ("created", "changed") and str(entry.get("name", "")).startswith(APP)
    ]  # fmt: skip
    deployments = world.dana.get(world.path("deployments/?page_size=200"))["results"]
    counts = Counter((_writer(entry, deployments), entry["resource"], entry["name"]) for entry in writes)
    often = {key: count for key, count in counts.items() if count > 1}
    if often:
        raise StoryError(f"objects were written more than once by one deployment: {often}")
    return f"{len(triggered)} builds triggered once each; {len(writes)} objects written, each once by its deployment"


def _writer(entry: dict[str, Any], deployments: list[dict[str, Any]]) -> int:
    """Return the number of the deployment that was going on where and when an object was written.

    Raises:
        StoryError: there was none.
    """
    at = datetime.fromtimestamp(entry["at"], UTC)
    going_on = [
        row["number"]
        for row in deployments
        if (row["cluster"], row["namespace"]) == (entry["server"], entry["namespace"])
        and datetime.fromisoformat(row["created_at"]) <= at
        and (row["finished_at"] is None or at <= datetime.fromisoformat(row["finished_at"]))
    ]
    if not going_on:
        raise StoryError(f"{entry['resource']} {entry['name']} was written while no deployment was going on")
    return int(max(going_on))


def nothing_leaked(world: World, database_url: str, redis_url: str) -> str:
    """Confirm that the planted secret value stands nowhere: in nothing stored, and in no answer of the API."""
    answered = leaks.answers(world.admin, world.url)
    found = leaks.search(
        PLANTED, leaks.database(database_url), leaks.store(redis_url), leaks.files(world.logs), answered
    )
    if found.places:
        raise StoryError(f"the planted secret stands in {', '.join(sorted(set(found.places))[:5])}")
    return f"{found.seen} rows, keys, log files and answers of the API looked at"
