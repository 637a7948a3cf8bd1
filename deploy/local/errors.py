"""The one exception that a person sees."""

from __future__ import annotations


class Refusal(Exception):  # noqa: N818 - it is a sentence for a person, not a defect
    """What cannot be done, and the way out, in one line."""
