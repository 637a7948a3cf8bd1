"""Reading what a real Kubernetes 1.36 answered (tests/recordings says how it was recorded)."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "recordings" / "kubernetes-1.36"


@cache
def exchanges(scenario: str) -> dict[int, dict[str, Any]]:
    """Return the exchanges of one scenario by their number."""
    recorded = json.loads((FOLDER / f"{scenario}.json").read_text())
    return {exchange["n"]: exchange for exchange in recorded["exchanges"]}


def body(scenario: str, number: int) -> dict[str, Any]:
    return exchanges(scenario)[number]["response"]["body"]


def streamed(scenario: str, number: int) -> list[dict[str, Any]]:
    return [row["event"] for row in exchanges(scenario)[number]["response"]["stream"]]
