"""Hundreds of deployments at once on four clusters with two worker processes: a rollout costs no worker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.cache import cache

from tests.bench import many
from tests.sandbox_process import running

MANY = 300
CLUSTERS = ("alpha", "beta", "gamma", "delta")
GOAL = 2.0
STEP_SECONDS = 5.0


@pytest.fixture
def bench(tmp_path: Path, transactional_db: None, request: pytest.FixtureRequest) -> Iterator[many.Bench]:
    cache.clear()
    with running(tmp_path / "sandbox", request.param) as sandbox:
        made = many.make(sandbox, tmp_path)
        with made.hollow_nodes():
            yield made


def measure(bench: many.Bench, count: int) -> many.Outcome:
    applied = bench.apply_alone(bench.requested(count))
    deployments = bench.requested(count)
    outcome = bench.bring_out(deployments, applied)
    assert many.results(deployments) == {"succeeded": count}
    return outcome


@pytest.mark.bench
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("bench", [CLUSTERS], ids=["four clusters"], indirect=True)
def test_three_hundred_at_once(bench: many.Bench, capsys: pytest.CaptureFixture[str]) -> None:
    outcome = measure(bench, MANY)
    with capsys.disabled():
        print(f"\n{outcome}")  # noqa: T201 - the result
    assert max(outcome.steps) < STEP_SECONDS, "no worker waits for a rollout"
    assert outcome.ratio <= GOAL, str(outcome)


@pytest.mark.slow
@pytest.mark.parametrize("bench", [CLUSTERS[:2]], ids=["two clusters"], indirect=True)
def test_a_few_at_once(bench: many.Bench) -> None:
    """The bench works: what it measures on a busy machine proves nothing."""
    outcome = measure(bench, 8)
    assert len(outcome.steps) >= 8
    assert outcome.ratio > 0
