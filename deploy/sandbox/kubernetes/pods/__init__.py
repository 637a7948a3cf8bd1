"""A pod's own small process: it starts the containers, keeps their logs and exit codes, and outlives a killed sandbox.

`client.Shim` is the node's side, `shim` the process (`python -m deploy.sandbox.kubernetes.pods FOLDER`), `wire` what both say to
each other over `FOLDER/shim.sock`: one line of JSON each way, with open files beside it where a connection is handed out.

The shim uses nothing but the standard library, so that it starts quickly.
"""
