"""The front of the shop."""

__version__ = "3.0.0"
