"""How many pods of the old and the new version there are at the moments of a rollout, and what they take. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from .amounts import Amounts, minus, most_of, plus, times
from .pods import pod_amounts

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rollout:
    """What a workload's pods take beyond what they take now: at the end, at the worst moment, and for the next pod."""

    final: Amounts
    peak: Amounts
    next_pod: Amounts
    may_go_below: bool  # old pods may go before new ones are ready, so a rollout without room still gets on


def rollout_of(
    wanted: Object, live: Object | None, autoscaler: Object | None, limit_ranges: Sequence[Object]
) -> Rollout:
    """Return what going from a live workload to the wanted one takes."""
    new = pod_amounts(wanted["spec"]["template"]["spec"], limit_ranges)
    old = pod_amounts(live["spec"]["template"]["spec"], limit_ranges) if live else {}
    before = _replicas(live["spec"]) if live else 0
    after = _replicas(wanted["spec"])
    if autoscaler is not None:
        spec = autoscaler["spec"]
        after = min(max(before, int(spec.get("minReplicas", 1))), int(spec["maxReplicas"]))
    now = times(old, before)
    final = minus(times(new, after), now)
    if live is not None and _is_part(wanted["spec"]["template"], live["spec"]["template"]):
        return Rollout(final, final, new, may_go_below=True)  # no pod is replaced
    strategy = wanted["spec"].get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return Rollout(final, most_of(final, minus(now, now)), new, may_go_below=True)
    surge, unavailable = steps_of(strategy.get("rollingUpdate") or {}, after)
    moments = [minus(each, now) for each in _moments(new, old, before, after, surge)]
    return Rollout(final, most_of(*moments, final), new, may_go_below=unavailable > 0 or before == 0)


def steps_of(rolling: Mapping[str, Any], replicas: int) -> tuple[int, int]:
    """Return surge and unavailability as numbers of pods: percentages of surge round up, of unavailability down."""
    surge = _share(rolling.get("maxSurge", "25%"), replicas, up=True)
    unavailable = _share(rolling.get("maxUnavailable", "25%"), replicas, up=False)
    return surge, unavailable or (0 if surge else 1)


def _share(value: int | str, replicas: int, *, up: bool) -> int:
    if isinstance(value, str) and value.endswith("%"):
        share = Decimal(value[:-1]) * replicas / 100
        return math.ceil(share) if up else math.floor(share)
    return int(value)


def _moments(new: Amounts, old: Amounts, before: int, after: int, surge: int) -> Iterator[Amounts]:
    """Yield what all pods take when the first new ones are there, and when all of them are."""
    most = after + surge
    first = min(after, max(0, most - before))
    for count in (first, after):
        yield plus(times(new, count), times(old, min(before, most - count)))


def _replicas(spec: Object) -> int:
    found = spec.get("replicas")
    return 1 if found is None else int(found)


def _is_part(wanted: Any, live: Any) -> bool:
    """Return whether what is wanted says nothing that is not so already."""
    if isinstance(wanted, Mapping) and isinstance(live, Mapping):
        return all(_is_part(value, live.get(key)) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(live, list) and len(wanted) == len(live):
        return all(_is_part(*pair) for pair in zip(wanted, live, strict=True))
    return bool(wanted == live) or (live is None and wanted in ("", 0, False, [], {}))
