"""Dockerfiles: owned by the console, in three stages, on approved base images only."""
