"""How long the sandbox's nodes wait between tries.

Real ones wait 10 s doubling to 5 minutes; here it is 1 s doubling to 10 s, so that a crash loop shows itself in seconds.
`SLIPWAY_SANDBOX_BACKOFF=FIRST,LONGEST` (seconds) changes it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Backoff:
    """Doubling waits; after a run of `forgive` seconds counting starts again."""

    first: float = 1.0
    longest: float = 10.0

    @classmethod
    def from_environment(cls) -> Backoff:
        """Return what the environment asks for, or the sandbox's defaults."""
        first, _, longest = os.environ.get("SLIPWAY_SANDBOX_BACKOFF", "1,10").partition(",")
        return cls(float(first), float(longest or first))

    @property
    def forgive(self) -> float:
        """Return how long a container must run to be taken for healthy."""
        return self.longest * 2

    def delay(self, failures: int) -> float:
        """Return the wait before the next try; the first restart comes at once."""
        return 0.0 if failures <= 1 else min(self.longest, self.first * 2 ** min(failures - 2, 30))

    def pull_delay(self, failures: int) -> float:
        """Return the wait before an image is tried again."""
        return min(self.longest, self.first * 2 ** min(max(failures - 1, 0), 30))
