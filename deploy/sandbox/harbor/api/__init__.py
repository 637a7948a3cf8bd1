"""Harbor's own API, version 2.0, as far as consoles and build jobs use it.

https://github.com/goharbor/harbor/blob/main/api/v2.0/swagger.yaml
"""
