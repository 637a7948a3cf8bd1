"""Record the pushed image: `image.py DIGEST`, with the sizes of its layers as the registry has them.

Registry protocol: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests
Token protocol: https://distribution.github.io/distribution/spec/auth/token/
"""

import base64
import json
import os
import re
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import record

TIMEOUT_SECONDS = 20
MANIFESTS = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"


def basic(username: str, password: str) -> str:
    """Return the value of an Authorization header."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def fetch(url: str, authorization: str | None, context: ssl.SSLContext) -> Any:
    """Return the JSON document at `url`."""
    headers = {"Accept": f"{MANIFESTS}, application/json"}
    if authorization:
        headers["Authorization"] = authorization
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS, context=context) as answer:
        return json.load(answer)


def manifest(repository: str, digest: str, authorization: str | None, context: ssl.SSLContext) -> Any:
    """Return the manifest of a digest, asking for a token first where the registry wants one."""
    host, _, name = repository.partition("/")
    url = f"https://{host}/v2/{name}/manifests/{digest}"
    try:
        return fetch(url, authorization, context)
    except urllib.error.HTTPError as exc:
        challenge = exc.headers.get("WWW-Authenticate", "")
        if exc.code != 401 or not challenge.startswith("Bearer "):
            raise
    wanted = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
    realm = wanted.pop("realm")
    wanted.setdefault("scope", f"repository:{name}:pull")
    answer = fetch(f"{realm}?{urllib.parse.urlencode(wanted)}", authorization, context)
    return fetch(url, f"Bearer {answer.get('token') or answer['access_token']}", context)


def layers(repository: str, digest: str) -> list[dict[str, Any]]:
    """Return digest and size of each layer, the base's first; empty, with a word why, where they cannot be read."""
    password = os.environ.get("REGISTRY_PASSWORD")
    authorization = basic(os.environ["REGISTRY_USERNAME"], password) if password else None
    context = ssl.create_default_context(cafile=os.environ.get("SLIPWAY_CA_FILE") or None)
    try:
        found = manifest(repository, digest, authorization, context).get("layers", [])
        return [{"digest": layer["digest"], "size": layer["size"]} for layer in found]
    except (OSError, ValueError, LookupError) as exc:
        print(f"The layers could not be read back from {repository.partition('/')[0]}: {exc}")
        return []


def main(digest: str) -> None:
    """Write the record `image`."""
    repository = os.environ["IMAGE_REPOSITORY"]
    found = layers(repository, digest)
    record.write(
        "image",
        {
            "repository": repository,
            "tag": os.environ["IMAGE_TAG"],
            "digest": digest,
            "size": sum(layer["size"] for layer in found),
            "layers": found,
        },
    )


if __name__ == "__main__":
    main(sys.argv[1])
