"""A state folder of the test's own, in which nothing is left running."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.home import Home
from deploy.local.running import stop_everything


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home.locate({"SLIPWAY_HOME": str(tmp_path / "state")})
    yield made
    stop_everything(made)
