"""The front of the shop."""

__version__ = "2.1.0"
