"""One way to make TLS contexts for all clients, synchronous or not."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path

from apps.core.errors import Misconfigured


def client_context(
    ca_pem: str = "", *, certificate_pem: str = "", key_pem: str = "", insecure: bool = False
) -> ssl.SSLContext:
    """Return a context that trusts `ca_pem` (or the system's store) and shows the client certificate given.

    Raises:
        Misconfigured: the CA, the certificate or its key is no usable PEM text.
    """
    try:
        context = ssl.create_default_context(cadata=ca_pem or None)
    except (ssl.SSLError, ValueError) as exc:
        raise Misconfigured("connection.bad_ca", message=str(exc)) from exc
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if certificate_pem:
        _load_client_certificate(context, certificate_pem, key_pem)
    return context


def _load_client_certificate(context: ssl.SSLContext, certificate_pem: str, key_pem: str) -> None:
    # OpenSSL's binding loads a key from a file only; it is private to us and gone before we return.
    with tempfile.TemporaryDirectory(prefix="slipway-") as folder:
        pair = Path(folder) / "client.pem"
        pair.touch(mode=0o600)
        pair.write_text(f"{certificate_pem.strip()}\n{key_pem.strip()}\n")
        try:
            context.load_cert_chain(pair)
        except (ssl.SSLError, ValueError) as exc:
            raise Misconfigured("connection.bad_client_certificate", message=str(exc)) from exc
