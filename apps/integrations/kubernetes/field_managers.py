"""The names that Slipway writes under. Each kind of decision has its own, so that one does not take another's fields away."""

from __future__ import annotations

from typing import Final

FIELD_MANAGER: Final = "slipway"
RESTART_MANAGER: Final = "slipway-restart"
SCALE_MANAGER: Final = "slipway-scale"
PAUSE_MANAGER: Final = "slipway-pause"
# What a person did through Slipway besides releasing: no stranger's hand, neither to an apply nor to a look for drift.
OPERATION_MANAGERS: Final = frozenset({RESTART_MANAGER, SCALE_MANAGER, PAUSE_MANAGER})
