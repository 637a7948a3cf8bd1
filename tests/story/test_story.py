"""The story that `./slipway demo` tells, as a stranger runs it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.instance import Instance

LONGEST = 600  # it shares the cores with other tests; alone it takes less than four minutes


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    made = Instance.at(tmp_path / "state")
    yield made
    made.remove()


@pytest.mark.slow
@pytest.mark.timeout(LONGEST + 60)
@pytest.mark.xdist_group("story")
def test_story_is_confirmed_from_outside_and_leaves_nothing_running(instance: Instance) -> None:
    told = instance.slipway("demo", "--exit", timeout=LONGEST)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "Everything was confirmed from outside" in told.stdout
    assert "✗" not in told.stdout
    assert instance.left_behind() == []
    assert instance.slipway("status").returncode == 1
