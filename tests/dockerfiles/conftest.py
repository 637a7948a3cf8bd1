"""What these tests share: the world, and Hypothesis on a machine that others use too."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from tests.dockerfiles.world import World, build_world

# No time limits per example: they measure the neighbours.
settings.register_profile("busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy machine")


@pytest.fixture
def world(db: None) -> World:
    """Return an application with approved base images."""
    return build_world()
