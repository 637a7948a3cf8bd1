"""What these tests share: the world."""

from __future__ import annotations

import pytest

from tests.dockerfiles.world import World, build_world


@pytest.fixture
def world(db: None) -> World:
    """Return an application with approved base images."""
    return build_world()
