"""Repositories: what GitLab holds, read when asked for, and the pushes it tells us of."""
