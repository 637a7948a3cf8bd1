"""Jenkins's credentials: a store for the whole server and one for each folder.

A job sees those of its folder, then of the folders above, then the server's. The remote API never gives a
secret out: https://plugins.jenkins.io/credentials/ (config.xml shows `<secret-redacted/>`).
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from .files import read_json, write_json

SECRET_TEXT = "org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl"  # noqa: S105 - a Java class
USERNAME_PASSWORD = "com.cloudbees.plugins.credentials.impl.UsernamePasswordCredentialsImpl"  # noqa: S105
KINDS = {
    SECRET_TEXT: ("secret_text", "Secret text", "secret"),
    USERNAME_PASSWORD: ("username_password", "Username with password", "password"),
}


class BadCredential(ValueError):
    """The XML is no credential that this server knows."""


@dataclass(frozen=True)
class Credential:
    """One credential; `secret` is the secret text or the password."""

    id: str
    cls: str
    secret: str
    username: str = ""
    description: str = ""

    @property
    def kind(self) -> str:
        """Return `secret_text` or `username_password`."""
        return KINDS[self.cls][0]

    @property
    def values(self) -> list[str]:
        """Return what a build binds to variables, in stages.json's order."""
        return [self.secret] if self.kind == "secret_text" else [self.username, self.secret]

    def shape(self) -> dict[str, Any]:
        """Return the credential as the remote API shows it."""
        hint = "******" if self.kind == "secret_text" else f"{self.username}/******"
        return {
            "_class": "com.cloudbees.plugins.credentials.CredentialsStoreAction$CredentialsWrapper",
            "description": self.description,
            "displayName": self.description or (self.id if self.kind == "secret_text" else hint),
            "fingerprint": None,
            "fullName": f"credential-store/_/{self.id}",
            "id": self.id,
            "typeName": KINDS[self.cls][1],
        }

    def xml(self) -> str:
        """Return config.xml, without the secret."""
        username = f"  <username>{escape(self.username)}</username>\n" if self.kind == "username_password" else ""
        secret = KINDS[self.cls][2]
        return (
            f"<{self.cls}>\n  <scope>GLOBAL</scope>\n  <id>{escape(self.id)}</id>\n"
            f"  <description>{escape(self.description)}</description>\n{username}"
            f"  <{secret}>\n    <secret-redacted/>\n  </{secret}>\n</{self.cls}>"
        )


def parse(xml: str, known: Credential | None = None) -> Credential:
    """Return the credential of a posted XML; a redacted secret stays what it was in `known`.

    Raises:
        BadCredential: no XML, no id, or a kind that is not known here.
    """
    try:
        root = ET.fromstring(re.sub(r"^\s*<\?xml[^>]*\?>", "", xml))  # noqa: S314 - a local development server
    except ET.ParseError as exc:
        raise BadCredential(f"not well-formed: {exc}") from exc
    if root.tag not in KINDS:
        raise BadCredential(f"no credential of type {root.tag} is known here")
    if not (name := (root.findtext("id") or "").strip()):
        raise BadCredential("a credential needs an id")
    element = root.find(KINDS[root.tag][2])
    secret = (element.text or "") if element is not None else ""
    if element is not None and element.find("secret-redacted") is not None and known is not None:
        secret = known.secret
    return Credential(
        name, root.tag, secret, root.findtext("username") or "", (root.findtext("description") or "").strip()
    )


class Credentials:
    """All stores, in one file that only its owner may read. The server's own store has the folder ""."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stores: dict[str, dict[str, Credential]] = {
            folder: {entry["id"]: Credential(**entry) for entry in entries}
            for folder, entries in (read_json(path) or {}).items()
        }

    def list(self, folder: str) -> list[Credential]:
        """Return the credentials of one store."""
        return list(self._stores.get(folder, {}).values())

    def find(self, folder: str, name: str) -> Credential | None:
        """Return one credential of one store, or None."""
        return self._stores.get(folder, {}).get(name)

    def visible(self, job: str) -> dict[str, Credential]:
        """Return what a job sees, by id; the nearest store wins."""
        parts = job.split("/")[:-1]
        stores = ["", *("/".join(parts[: depth + 1]) for depth in range(len(parts)))]
        return {name: found for folder in stores for name, found in self._stores.get(folder, {}).items()}

    def put(self, folder: str, credential: Credential) -> None:
        """Add or replace a credential."""
        self._stores.setdefault(folder, {})[credential.id] = credential
        self._save()

    def delete(self, folder: str, name: str) -> None:
        """Remove a credential that is there."""
        del self._stores[folder][name]
        self._save()

    def drop_folder(self, folder: str) -> None:
        """Forget the stores of a removed folder and of all below it."""
        for name in [name for name in self._stores if name == folder or name.startswith(f"{folder}/")]:
            del self._stores[name]
        self._save()

    def _save(self) -> None:
        stores = {folder: [asdict(entry) for entry in entries.values()] for folder, entries in self._stores.items()}
        write_json(self._path, stores, mode=0o600)
