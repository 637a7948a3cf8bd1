"""What one pod counts as, with what LimitRanges fill in, and what they refuse. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from .amounts import Amounts, read_amounts, words
from .findings import STOP, Finding

Object = Mapping[str, Any]


def filled_in(container: Object, limit_ranges: Sequence[Object]) -> tuple[Amounts, Amounts]:
    """Return a container's requests and limits as the server completes them: a limit is a request, then the defaults."""
    resources = container.get("resources") or {}
    limits = read_amounts(resources.get("limits"))
    requests = {**limits, **read_amounts(resources.get("requests"))}
    for item in items_of(limit_ranges, "Container"):
        limits = {**read_amounts(item.get("default")), **limits}
        requests = {**read_amounts(item.get("defaultRequest")), **requests}
    return requests, limits


def pod_amounts(spec: Object, limit_ranges: Sequence[Object] = ()) -> Amounts:
    """Return what one pod counts as in a quota: `requests.…`, `limits.…` and itself."""
    total: Amounts = {"pods": Decimal(1)}
    running = [*(spec.get("containers") or []), *(each for each in spec.get("initContainers") or [] if _stays(each))]
    for container in running:
        for name, amount in named_amounts(container, limit_ranges).items():
            total[name] = total.get(name, Decimal(0)) + amount
    for container in spec.get("initContainers") or []:
        if not _stays(container):
            for name, amount in named_amounts(container, limit_ranges).items():
                total[name] = max(total.get(name, Decimal(0)), amount)
    return total


def _stays(container: Object) -> bool:
    """Return whether an init container runs on beside the others."""
    return container.get("restartPolicy") == "Always"


def named_amounts(container: Object, limit_ranges: Sequence[Object]) -> Amounts:
    """Return a container's completed amounts under the names that quotas use."""
    requests, limits = filled_in(container, limit_ranges)
    return {f"requests.{name}": amount for name, amount in requests.items()} | {
        f"limits.{name}": amount for name, amount in limits.items()
    }


def out_of_range(application: str, spec: Object, limit_ranges: Sequence[Object]) -> Iterator[Finding]:
    """Yield what the LimitRanges of a namespace refuse about a pod."""
    for container in spec.get("containers") or []:
        requests, limits = filled_in(container, limit_ranges)
        about = {"application": application, "container": container["name"]}
        for name, limit in limits.items():
            if requests.get(name, Decimal(0)) > limit:
                asked = {"resource": name, "request": words(name, requests[name]), "limit": words(name, limit)}
                yield Finding("budget.request_over_limit", STOP, {**about, **asked})
        for item in items_of(limit_ranges, "Container"):
            yield from _range_faults(about, item, requests, limits)
    total = pod_amounts(spec, limit_ranges)
    for item in items_of(limit_ranges, "Pod"):
        requests = {
            name.removeprefix("requests."): each for name, each in total.items() if name.startswith("requests.")
        }
        limits = {name.removeprefix("limits."): each for name, each in total.items() if name.startswith("limits.")}
        yield from _range_faults({"application": application, "container": ""}, item, requests, limits)


def _range_faults(about: Mapping[str, str], item: Object, requests: Amounts, limits: Amounts) -> Iterator[Finding]:
    for name, most in read_amounts(item.get("max")).items():
        found = limits.get(name)
        if found is None or found > most:
            params = {
                "resource": name,
                "found": words(name, found) if found is not None else "—",
                "most": words(name, most),
            }
            yield Finding("budget.over_max", STOP, {**about, **params})
    for name, least in read_amounts(item.get("min")).items():
        found = requests.get(name)
        if found is None or found < least:
            params = {
                "resource": name,
                "found": words(name, found) if found is not None else "—",
                "least": words(name, least),
            }
            yield Finding("budget.under_min", STOP, {**about, **params})
    for name, ratio in read_amounts(item.get("maxLimitRequestRatio")).items():
        request, limit = requests.get(name), limits.get(name)
        if not request or limit is None or limit / request > ratio:
            yield Finding("budget.over_ratio", STOP, {**about, "resource": name, "ratio": f"{ratio.normalize():f}"})


def items_of(limit_ranges: Sequence[Object], kind: str) -> Iterator[Object]:
    """Yield the limits for containers, or for pods."""
    for each in limit_ranges:
        yield from (item for item in (each.get("spec") or {}).get("limits") or [] if item.get("type") == kind)
