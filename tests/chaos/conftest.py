"""One installation with an application that was built once; it lives through all that is done to it here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chaos.shop import Shop, open_shop
from tests.instance import Instance


@pytest.fixture(scope="session")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    made = Instance.at(tmp_path_factory.mktemp("chaos") / "state", SLIPWAY_SWEEP_SECONDS="2")
    try:
        made.up()
        yield made
    finally:
        made.remove()


@pytest.fixture(scope="session")
def shop(instance: Instance) -> Iterator[Shop]:
    made = open_shop(instance)
    yield made
    made.world.close()
