"""The `./slipway` command: Slipway and all it needs on one machine, without Docker and without root.

Only the standard library here: this runs before anything is installed. `__main__.py` reads the command line,
`commands/` has a module per command, `installation.py` makes the virtual environment, `plan.py` says which
services there are and `supervisor.py` keeps them running.
"""
