"""What these tests share: the world, and Hypothesis on a machine that others use too."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from tests.manifests.world import World, build_world

# No time limits per example: they measure the neighbours.
settings.register_profile("busy machine", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy machine")


@pytest.fixture
def world(db: None) -> World:
    """Return a project with people, environments and targets."""
    return build_world()
