"""Print the login file that docker and buildah share, for the registry of IMAGE_REPOSITORY."""

import base64
import json
import os


def login(registry: str, username: str, password: str) -> str:
    """Return the JSON text of the login file for one registry."""
    secret = base64.b64encode(f"{username}:{password}".encode()).decode()
    return json.dumps({"auths": {registry: {"auth": secret}}})


if __name__ == "__main__":
    registry = os.environ["IMAGE_REPOSITORY"].split("/", 1)[0]
    print(login(registry, os.environ["REGISTRY_USERNAME"], os.environ["REGISTRY_PASSWORD"]))
