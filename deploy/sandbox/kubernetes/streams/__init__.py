"""What flows between a client and a pod: logs, exec, attach, port-forward.

Each module is the API server's side of one subresource; what the node does for it is a Protocol at its top.
"""
