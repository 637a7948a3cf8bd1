"""Encrypted model fields: Fernet with several keys. The first key encrypts, all decrypt; `rotate_field_keys` re-encrypts."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import FieldError
from django.db import models

from .errors import Misconfigured


@lru_cache(maxsize=4)
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def cipher() -> MultiFernet:
    """Return the cipher for the keys in the settings."""
    return _cipher(tuple(settings.FIELD_KEYS))


class EncryptedTextField(models.TextField):  # type: ignore[type-arg]
    """Text that is encrypted in the database. An empty string stays empty; lookups are refused."""

    def get_prep_value(self, value: Any) -> Any:
        """Return the ciphertext that is stored."""
        value = super().get_prep_value(value)
        return cipher().encrypt(value.encode()).decode() if value else value

    def from_db_value(self, value: str | None, *_: Any) -> str | None:
        """Return the plain text.

        Raises:
            Misconfigured: none of the keys in SLIPWAY_FIELD_KEYS decrypts it.

        """
        if not value:
            return value
        try:
            return cipher().decrypt(value.encode()).decode()
        except InvalidToken as exc:
            raise Misconfigured("fields.undecryptable", model=self.model._meta.label, field=self.name) from exc

    def get_lookup(self, lookup_name: str) -> Any:
        """Refuse every lookup but `isnull`: two encryptions of one value differ."""
        if lookup_name == "isnull":
            return super().get_lookup(lookup_name)
        raise FieldError(f"{self.name} is encrypted: it cannot be looked up by {lookup_name}")
