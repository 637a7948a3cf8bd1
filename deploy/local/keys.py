"""Keys and passwords, made at random once and kept in the state folder."""

from __future__ import annotations

import base64
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from .home import read_json, write_json


@dataclass(frozen=True)
class Keys:
    """The secrets of one installation."""

    secret_key: str
    field_keys: list[str]  # the first encrypts, all decrypt: put a new one in front to rotate
    postgres_password: str
    redis_password: str


def load_keys(folder: Path) -> Keys:
    """Return the keys of this installation; what is missing is made."""
    path = folder / "keys.json"
    known = read_json(path) or {}
    made = {
        "secret_key": secrets.token_urlsafe(48),
        "field_keys": [base64.urlsafe_b64encode(os.urandom(32)).decode()],
        "postgres_password": secrets.token_urlsafe(24),
        "redis_password": secrets.token_urlsafe(24),
    }
    keys = Keys(**{name: known.get(name, value) for name, value in made.items()})
    if asdict(keys) != known:
        write_json(path, asdict(keys))
    return keys
