"""The sandbox's own certificate authority: one CA and one server certificate, made once and kept on disk.

Clients drop credentials over plain HTTP, so every server speaks TLS from the first day.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

HOST_NAMES = ("localhost", "*.sandbox.localhost", "*.localhost")
VALID_FOR = dt.timedelta(days=825)
RENEW_BEFORE = dt.timedelta(days=30)


class Authority:
    """The CA and the server certificate under `folder` (`ca.pem`, `ca.key`, `server.pem`, `server.key`)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca_file = folder / "ca.pem"
        self._server_file = folder / "server.pem"
        self._server_key = folder / "server.key"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self._expires_soon():
            self._make()

    @property
    def ca_pem(self) -> str:
        """Return the CA certificate as PEM text."""
        return self.ca_file.read_text()

    def server_context(self) -> ssl.SSLContext:
        """Return the TLS context that servers listen with."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._server_file, self._server_key)
        return context

    def client_context(self) -> ssl.SSLContext:
        """Return a TLS context for calls from one sandbox server to another."""
        return ssl.create_default_context(cafile=str(self.ca_file))

    def _expires_soon(self) -> bool:
        try:
            certificate = x509.load_pem_x509_certificate(self._server_file.read_bytes())
            self._server_key.read_bytes(), self.ca_file.read_bytes()
        except (OSError, ValueError):
            return True
        return certificate.not_valid_after_utc - dt.datetime.now(dt.UTC) < RENEW_BEFORE

    def _make(self) -> None:
        now = dt.datetime.now(dt.UTC)
        ca_key = ec.generate_private_key(ec.SECP256R1())
        ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Slipway sandbox CA")])
        ca = (
            x509.CertificateBuilder()
            .subject_name(ca_name)
            .issuer_name(ca_name)
            .public_key(ca_key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + VALID_FOR)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), critical=False)
            .add_extension(
                x509.KeyUsage(
                    digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False,
                    key_encipherment=False, data_encipherment=False, key_agreement=False,
                    encipher_only=False, decipher_only=False,
                ),
                critical=True,
            )
            .sign(ca_key, hashes.SHA256())
        )  # fmt: skip
        key = ec.generate_private_key(ec.SECP256R1())
        names: list[x509.GeneralName] = [x509.DNSName(name) for name in HOST_NAMES]
        names += [x509.IPAddress(ipaddress.ip_address(address)) for address in ("127.0.0.1", "::1")]
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]))
            .issuer_name(ca_name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + VALID_FOR)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
            .sign(ca_key, hashes.SHA256())
        )
        self._write(self.folder / "ca.key", _pem(ca_key))
        self._write(self.ca_file, ca.public_bytes(serialization.Encoding.PEM), mode=0o644)
        self._write(self._server_key, _pem(key))
        self._write(self._server_file, certificate.public_bytes(serialization.Encoding.PEM), mode=0o644)

    @staticmethod
    def _write(path: Path, content: bytes, mode: int = 0o600) -> None:
        partial = path.with_suffix(path.suffix + ".new")
        partial.touch(mode=mode)
        partial.write_bytes(content)
        partial.replace(path)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
