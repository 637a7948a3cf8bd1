"""The front of the shop."""

__version__ = "1.0.0"
