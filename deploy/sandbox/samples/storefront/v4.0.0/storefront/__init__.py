"""The front of the shop."""

__version__ = "4.0.0"
