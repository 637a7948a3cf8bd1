"""Which keys of which Secrets a workload reads, and the names that the form gives them. Values are never looked at."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NOT_IN_NAMES = re.compile(r"[^-._A-Za-z0-9]")


@dataclass(frozen=True, slots=True)
class SecretSource:
    """A secret value of the form, and the key of the Secret that holds it in the cluster."""

    name: str
    secret: str
    key: str


class SecretNames:
    """Names for secret values: the key itself, with the Secret's name before it where two Secrets have that key."""

    def __init__(self) -> None:
        self._sources: dict[tuple[str, str], SecretSource] = {}

    def name(self, secret: str, key: str) -> str:
        """Return the form's name for a key of a Secret."""
        known = self._sources.get((secret, key))
        if known is None:
            taken = {source.name for source in self._sources.values()}
            name = _NOT_IN_NAMES.sub("_", key)
            known = SecretSource(name if name not in taken else f"{secret}.{name}", secret, key)
            self._sources[secret, key] = known
        return known.name

    def sources(self) -> tuple[SecretSource, ...]:
        """Return all that were named, by name."""
        return tuple(sorted(self._sources.values(), key=lambda source: source.name))
