"""A development tool: servers on loopback that speak the protocols of the systems Slipway works with.

Nothing in the product knows this package; the console reaches these servers by settings alone, as it
would reach the real ones. Each server is one folder. `python -m deploy.sandbox --state DIR` starts all.
"""
