"""Only the first step of deployments, which applies: `python -m tests.bench.applying ID...`. Prints when it began and ended."""

from __future__ import annotations

import sys
import time

import django


def main() -> None:
    """Apply, one after the other."""
    django.setup()
    from apps.deployments import services

    began = time.time()
    for pk in sys.argv[1:]:
        services.advance_deployment(int(pk))
    print(began, time.time())  # noqa: T201 - this is the answer


if __name__ == "__main__":
    main()
