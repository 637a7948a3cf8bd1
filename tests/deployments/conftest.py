from __future__ import annotations

import pytest

from tests import world as worlds
from tests.sandbox_process import Sandbox


@pytest.fixture
def world(sandbox: Sandbox, transactional_db: None) -> worlds.World:
    """A project of its own in this worker's sandbox."""
    return worlds.make(sandbox)
