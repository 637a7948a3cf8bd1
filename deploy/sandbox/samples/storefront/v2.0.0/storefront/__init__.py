"""The front of the shop."""

__version__ = "2.0.0"
