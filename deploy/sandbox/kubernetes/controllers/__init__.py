"""What a cluster's controller manager and scheduler do, in this process.

`Controllers(cluster)` with `start` and `stop`. Each controller is a module: it says which changes concern it and brings one
object at a time to what it asks for (`base.Controller`); a queue calls it again after a failure or a wait. All of them may be
stopped and started at any moment: they keep nothing that is not in the store.
"""

from .manager import Controllers

__all__ = ["Controllers"]
