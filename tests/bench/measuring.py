"""Times side by side in one run: medians, tails and ratios, as a small table."""

from __future__ import annotations

import functools
import itertools
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass
class Times:
    """What something took, in milliseconds, one entry a round."""

    rounds: list[float] = field(default_factory=list)

    def measure(self, call: Callable[[], object]) -> None:
        """Call, and keep how long it took."""
        began = time.perf_counter()
        call()
        self.rounds.append((time.perf_counter() - began) * 1000)

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)

    @property
    def p95(self) -> float:
        """Return what 95 of 100 rounds stay below (the nearest round, not between two)."""
        ordered = sorted(self.rounds)
        return ordered[max(0, -(-len(ordered) * 95 // 100) - 1)]


def side_by_side(rounds: int, calls: Mapping[str, Callable[[int], object]]) -> dict[str, Times]:
    """Run every call once a round, in every order in turn, so that none has the quiet moments for itself."""
    times = {name: Times() for name in calls}
    orders = itertools.cycle(itertools.permutations(calls))
    for number, order in zip(range(rounds), orders, strict=False):
        for name in order:
            times[name].measure(functools.partial(calls[name], number))
    return times


def table(times: Mapping[str, Times], notes: Sequence[str] = ()) -> str:
    """Return the times as lines of text."""
    width = max(map(len, times))
    rows = [f"{'':{width}}  rounds   median      p95"]
    rows += [
        f"{name:{width}}  {len(each.rounds):6}  {each.median:6.1f} ms  {each.p95:6.1f} ms"
        for name, each in times.items()
    ]
    return "\n".join(["", *rows, *notes])
