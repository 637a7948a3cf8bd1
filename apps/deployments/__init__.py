"""Deployments: one application brought to a version on one target, and back."""
