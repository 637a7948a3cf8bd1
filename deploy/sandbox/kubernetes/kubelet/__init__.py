"""The node's agent: runs the pods that are bound to it as real processes and tells the API server how they are.

`Kubelet(cluster)` with `start`, `stop`, and the doors `logs`, `exec` and `dial` for the API server.
"""

from .kubelet import Kubelet

__all__ = ["Kubelet"]
