"""The OCI distribution API, version 1.1, as Harbor serves it.

https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""
