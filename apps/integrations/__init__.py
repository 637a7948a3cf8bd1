"""Clients of the systems Slipway drives: plain Python, no models, no Django.

A `Connection` goes in (made by the selectors of `connections` and `clusters`), frozen entities come out, and every
vendor's exception is wrapped once into the `errors.IntegrationError` family. `providers` is the one place that
builds clients. Steps use the synchronous clients; logs, watches and terminals use `kubernetes.streams`.
"""
