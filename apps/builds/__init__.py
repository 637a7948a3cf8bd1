"""Builds: one Jenkins run of one commit with one Dockerfile revision, followed to its digest."""
