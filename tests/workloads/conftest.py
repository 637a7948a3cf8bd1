from __future__ import annotations

from tests.deployments.conftest import place

__all__ = ["place"]
