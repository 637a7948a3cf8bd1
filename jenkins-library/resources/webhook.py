"""Tell Slipway how a build goes: one signed POST, which is only a hint.

Slipway reads the truth from Jenkins, so a lost or refused delivery never fails a build. The key is derived for
each build, so that whoever sees one build's key can speak for no other:

    key       = HMAC-SHA256(secret text of the credential slipway-webhook, build id), the 32 raw bytes
    signature = "sha256=" + hex(HMAC-SHA256(key, body)), in the header X-Slipway-Signature
"""

import hashlib
import hmac
import json
import ssl
import urllib.error
import urllib.request
from typing import Any

TIMEOUT_SECONDS = 5


def signature(secret: str, build_id: str, body: bytes) -> str:
    """Return the value of X-Slipway-Signature for a body."""
    key = hmac.new(secret.encode(), build_id.encode(), hashlib.sha256).digest()
    return "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest()


def deliver(url: str, secret: str, event: dict[str, Any], ca_file: str | None = None) -> str | None:
    """Post the event once and return None, or say in a few words why it did not arrive."""
    body = json.dumps(event, separators=(",", ":"), sort_keys=True).encode()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "slipway-jenkins-library",
        "X-Slipway-Signature": signature(secret, event["build_id"], body),
    }
    try:
        request = urllib.request.Request(url, body, headers, method="POST")
        context = ssl.create_default_context(cafile=ca_file) if url.startswith("https:") else None
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS, context=context):
            return None
    except urllib.error.HTTPError as exc:
        return f"Slipway answered {exc.code}"
    except (OSError, ValueError) as exc:
        return f"Slipway was not reached: {exc}"
