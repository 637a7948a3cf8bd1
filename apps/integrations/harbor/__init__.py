"""Harbor and its registry: projects, artifacts, tags, scans, robots; whether an image is still there.

https://goharbor.io/docs/main/build-customize-contribute/configure-swagger/ and
https://github.com/opencontainers/distribution-spec/blob/main/spec.md
"""
