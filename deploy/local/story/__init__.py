"""The story that `./slipway demo` tells: from a commit to running processes on two clusters, and back.

    people and places -> build v1 -> approved release -> v2 under load -> configuration alone -> a crash, named
    -> rolled back while in progress -> a leak, named -> nothing secret left anywhere
Everything is asked of the console through its REST API, and everything is confirmed from outside it.
"""

from .tell import run

__all__ = ["run"]
