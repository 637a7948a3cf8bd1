"""What these tests share: an application of the sandbox."""

from __future__ import annotations

import pytest

from tests.builds.world import World, build_world
from tests.sandbox_process import Sandbox


@pytest.fixture
def world(db: None, sandbox: Sandbox) -> World:
    """Return an application of its own project, with base images but no Dockerfile."""
    return build_world(sandbox)
