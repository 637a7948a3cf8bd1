"""Bearer tokens of ServiceAccounts: signed, bound to the account's uid, made by TokenRequest or kept in a Secret.

https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
import uuid
from typing import Any

import msgspec

from .store import Store

Object = dict[str, Any]
AUDIENCE = "https://kubernetes.default.svc"


def _encode(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Tokens:
    """Makes and checks the tokens of one cluster."""

    def __init__(self, store: Store, key: str) -> None:
        self._store = store
        self._key = key.encode()

    def issue(self, account: Object, *, seconds: int | None, audiences: list[str] | None = None) -> str:
        """Return a token for a ServiceAccount; without `seconds` it does not expire."""
        metadata = account["metadata"]
        issued = int(time.time())
        claims: Object = {
            "aud": audiences or [AUDIENCE],
            "iat": issued,
            "iss": AUDIENCE,
            "jti": str(uuid.uuid4()),
            "kubernetes.io": {
                "namespace": metadata["namespace"],
                "serviceaccount": {"name": metadata["name"], "uid": metadata["uid"]},
            },
            "nbf": issued,
            "sub": f"system:serviceaccount:{metadata['namespace']}:{metadata['name']}",
        }
        if seconds is not None:
            claims["exp"] = issued + seconds
        head = _encode(msgspec.json.encode({"alg": "HS256", "typ": "JWT"}))
        signed = f"{head}.{_encode(msgspec.json.encode(claims))}"
        return f"{signed}.{self._sign(signed)}"

    def _sign(self, text: str) -> str:
        return _encode(hmac.digest(self._key, text.encode(), hashlib.sha256))

    def verify(self, token: str) -> tuple[Object, Object] | None:
        """Return (account, claims) of a good token for this API; None for any other."""
        signed, _, signature = token.rpartition(".")
        if not signed or not hmac.compare_digest(self._sign(signed), signature):
            return None
        try:
            claims: Object = msgspec.json.decode(_decode(signed.partition(".")[2]))
        except (binascii.Error, msgspec.DecodeError):
            return None
        if AUDIENCE not in claims["aud"] or claims.get("exp", float("inf")) < time.time():
            return None
        bound = claims["kubernetes.io"]
        account = self._store.peek("serviceaccounts", bound["namespace"], bound["serviceaccount"]["name"])
        if account is None or account["metadata"]["uid"] != bound["serviceaccount"]["uid"]:
            return None
        return account, claims

    def fill_secret(self, secret: Object, ca_pem: str) -> Object | None:
        """Return a Secret of type service-account-token with its data filled in; None where nothing is to do."""
        metadata = secret["metadata"]
        if secret.get("type") != "kubernetes.io/service-account-token" or (secret.get("data") or {}).get("token"):
            return None
        name = (metadata.get("annotations") or {}).get("kubernetes.io/service-account.name", "")
        account = self._store.peek("serviceaccounts", metadata["namespace"], name)
        if account is None:
            return None
        metadata["annotations"]["kubernetes.io/service-account.uid"] = account["metadata"]["uid"]
        filled = {"ca.crt": ca_pem, "namespace": metadata["namespace"], "token": self.issue(account, seconds=None)}
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in filled.items()}
        secret["data"] = {**(secret.get("data") or {}), **encoded}
        return secret
