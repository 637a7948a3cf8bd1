"""Recorded scenarios, replayed against a sandbox: the same statuses, warnings, shapes, words, events and frames.

test_exact.py has 02, 03, 08 and 10, word by word.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from tests.sandbox.kubernetes.client import Client

from .known import DIFFERENT, NOT_SENT
from .recording import Object, exchanges
from .replay import Replay
from .scenes import scenes_of

SCENARIOS = ["01-discovery", "04-rollout", "05-pod-states", "06-logs", "07-exec", "09-watch-and-list", "11-quota-and-limits",
             "12-services-and-friends", "13-eviction-and-deletion", "14-tables", "15-ephemeral-containers", "16-events"]  # fmt: skip


def namespaces_of(scenario: list[Object]) -> set[str]:
    parts = [part for each in scenario for part in urlsplit(each["request"]["path"]).path.split("/")]
    return {part for part in parts if part.startswith("rec-")}


def space_of(scenario: list[Object]) -> str:
    """Return the scenario's own namespace: the one of its first request to one."""
    first = next((each for each in scenario if "/rec-" in each["request"]["path"]), None)
    return "" if first is None else first["request"]["path"].partition("/namespaces/")[2].partition("/")[0]


@pytest.mark.parametrize("name", SCENARIOS)
def test_answers_have_the_real_servers_shape(whole: Client, recorded_images: str, name: str) -> None:
    scenario = exchanges(name)
    known = DIFFERENT.get(name, {})
    replay = Replay(whole, recorded_images, known=set(known))
    spaces = namespaces_of(scenario)
    for space in spaces:
        assert whole.post("/api/v1/namespaces", {"metadata": {"name": space}}).status == 201
    try:
        sent = [each for each in scenario if each["n"] not in NOT_SENT.get(name, {})]
        replay.play(sent, scenes_of(name, scenario), space_of(scenario))
    finally:
        for space in spaces:
            whole.call("DELETE", f"/api/v1/namespaces/{space}")
    notes = {each["n"]: each["note"] for each in scenario}
    unexpected = [f"{n} ({notes[n]}): {found}" for n, found in replay.found.items() if n not in known]
    assert unexpected == []
    assert [n for n in known if n not in replay.found] == [], "these no longer differ: take them off the list"
