"""The one exception that a person sees."""

from __future__ import annotations


class Refusal(Exception):
    """What cannot be done, and the way out, in one line."""
