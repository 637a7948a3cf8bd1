"""What the user set: the environment, and a `.env` file in the checkout for what it does not name."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from .errors import Refusal

DEFAULT_PORTS = {"postgres": 5432, "postgresql": 5432, "redis": 6379, "rediss": 6379}
# What a `.env` file may set for Slipway's own processes, besides what is read here.
PASSED_ON = ("SLIPWAY_", "DATABASE_URL", "REDIS_URL")
# Read here, or printed by `./slipway env`: none of Slipway's processes shall have them.
NOT_PASSED_ON = {
    "SLIPWAY_HOME", "SLIPWAY_PORT", "SLIPWAY_PYTHON", "SLIPWAY_SANDBOX", "SLIPWAY_SCANNERS", "SLIPWAY_TOKEN",
    "SLIPWAY_URL", "SLIPWAY_VENV",
}  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """The settings of one installation."""

    database_url: str | None = None
    redis_url: str | None = None
    sandbox: bool = True
    port: int | None = None
    passed_on: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, environ: Mapping[str, str], env_file: Path) -> Settings:
        """Return the checked settings.

        Raises:
            Refusal: a setting makes no sense.
        """
        found = {**read_env_file(env_file), **environ}
        return cls(
            database_url=_url(found, "DATABASE_URL", ("postgres", "postgresql")),
            redis_url=_url(found, "REDIS_URL", ("redis", "rediss")),
            sandbox=_switch(found, "SLIPWAY_SANDBOX"),
            port=_port(found, "SLIPWAY_PORT"),
            passed_on={
                name: value
                for name, value in found.items()
                if name.startswith(PASSED_ON) and name not in NOT_PASSED_ON and value
            },
        )

    def require_reachable(self) -> None:
        """Refuse to start on external services that do not answer."""
        for name, url in (("DATABASE_URL", self.database_url), ("REDIS_URL", self.redis_url)):
            if url is None:
                continue
            parts = urlsplit(url)
            address = (parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme])
            try:
                socket.create_connection(address, timeout=5).close()
            except OSError as exc:
                reason = exc.strerror or str(exc)
                raise Refusal(
                    f"{name} names {address[0]}:{address[1]}, which does not answer: {reason}; "
                    f"start it, or remove {name} to use the embedded one"
                ) from exc


def read_env_file(path: Path) -> dict[str, str]:
    """Return the NAME=VALUE lines of a file; a missing file has none."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    found = {}
    for number, line in enumerate(lines, start=1):
        text = line.strip().removeprefix("export ")
        if not text or text.startswith("#"):
            continue
        name, separator, value = text.partition("=")
        if not separator or not name.strip().isidentifier():
            raise Refusal(f"{path.name}, line {number}: expected NAME=VALUE")
        value = value.strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        found[name.strip()] = value
    return found


def _url(found: Mapping[str, str], name: str, schemes: tuple[str, ...]) -> str | None:
    value = found.get(name, "").strip()
    if not value:
        return None
    try:
        parts = urlsplit(value)
        good = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        raise Refusal(f"{name} must look like {schemes[0]}://USER:PASSWORD@HOST:PORT/NAME")
    return value


def _switch(found: Mapping[str, str], name: str) -> bool:
    value = found.get(name, "on").strip().lower()
    if value in ("on", "1", "true", "yes", ""):
        return True
    if value in ("off", "0", "false", "no"):
        return False
    raise Refusal(f"{name} is on or off, not {value!r}")


def _port(found: Mapping[str, str], name: str) -> int | None:
    value = found.get(name, "").strip()
    if not value:
        return None
    if not value.isdigit() or not 0 < int(value) < 65536:
        raise Refusal(f"{name} must be a port number from 1 to 65535, not {value!r}")
    return int(value)
