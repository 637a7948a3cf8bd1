"""What a client needs to reach one system. Made by selectors, handed to `providers`, never stored or queued.

Secrets are in here decrypted, so a connection shows none of them when printed and refuses to be pickled: it cannot
become a task argument, a cache entry or a session value by accident.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, NoReturn

from .redaction import Redactor


class _Secretive:
    """Refuses to leave the process."""

    __slots__ = ()

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(f"a {type(self).__name__} holds secrets and must not be pickled: pass its primary key instead")


def _identity(parts: Iterable[object]) -> str:
    return hashlib.sha256("\x00".join(str(part) for part in parts).encode()).hexdigest()


@dataclass(frozen=True, repr=False)
class Connection(_Secretive):
    """One GitLab, Jenkins, Harbor or Prometheus: `system` is its kind, `name` what people call it.

    `ca_pem` is the CA to trust; empty means the system's own trust store. `options` are plain settings of the kind.
    """

    system: str
    name: str
    url: str
    username: str = ""
    secret: str = ""
    ca_pem: str = ""
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def identity(self) -> str:
        """Return a text that differs whenever a client built from it would."""
        options = sorted(self.options.items())
        return _identity((self.system, self.name, self.url, self.username, self.secret, self.ca_pem, options))

    @property
    def redactor(self) -> Redactor:
        """Return what takes this connection's secrets out of texts."""
        return Redactor([self.secret], self.username)

    def __repr__(self) -> str:
        return f"Connection(system={self.system!r}, name={self.name!r}, url={self.url!r}, username={self.username!r})"


@dataclass(frozen=True, repr=False)
class ClusterConnection(_Secretive):
    """One Kubernetes API server, with a token or a client certificate.

    `namespace` is the one the credentials were made for, where they name one. `tls_server_name` is checked in the
    certificate instead of the host. `insecure` skips verification: only where a person said so for this cluster.
    """

    name: str
    server: str
    ca_pem: str = ""
    token: str = ""
    client_certificate_pem: str = ""
    client_key_pem: str = ""
    namespace: str = ""
    tls_server_name: str = ""
    insecure: bool = False

    @property
    def identity(self) -> str:
        """Return a text that differs whenever a client built from it would."""
        return _identity(getattr(self, each.name) for each in fields(self))

    @property
    def redactor(self) -> Redactor:
        """Return what takes this connection's secrets out of texts."""
        return Redactor([self.token, self.client_key_pem])

    def __repr__(self) -> str:
        proof = "token" if self.token else "client certificate" if self.client_certificate_pem else "no credentials"
        return f"ClusterConnection(name={self.name!r}, server={self.server!r}, {proof})"
