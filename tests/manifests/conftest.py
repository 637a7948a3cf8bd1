"""Hypothesis on a machine that others use too: no time limits per example, they measure the neighbours."""

from hypothesis import HealthCheck, settings

settings.register_profile("busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy machine")
