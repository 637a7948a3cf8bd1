"""The scanners that the sandbox's builds run, in an environment of their own."""

from .environment import programs

__all__ = ["programs"]
