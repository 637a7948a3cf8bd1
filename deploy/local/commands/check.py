"""`./slipway check`: format, lint, types, import rules, templates, migrations; and what this machine isolates."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

from deploy.local import installation as packages
from deploy.local.home import CHECKOUT, Home
from deploy.local.plan import inherited

# Checks read settings but reach no database; these values are good for nothing else.
SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "paas.settings",
    "SLIPWAY_SECRET_KEY": "check-only",
    "SLIPWAY_FIELD_KEYS": "ZmDfcTF7_60GrrY167zsiPd67pEvs0aGOv2oasOM1Pg=",
    "DATABASE_URL": "postgres://check@127.0.0.1:1/check",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "SLIPWAY_LOG_LEVEL": "ERROR",
}
PROBE = "from deploy.sandbox.isolation import probe; print(probe().sentence)"


def commands(home: Home) -> dict[str, list[str]]:
    """Return the checks by name."""
    programs = home.venv / "bin"
    python = [str(home.python), "-W", "ignore::RuntimeWarning", "manage.py"]
    return {
        "format": [str(programs / "ruff"), "format", "--check", "."],
        "lint": [str(programs / "ruff"), "check", "."],
        "types": [str(programs / "mypy")],
        "imports": [str(programs / "lint-imports")],
        "templates": [str(programs / "djlint"), "templates", "--lint", "--quiet"],
        "settings": [*python, "check", "--fail-level", "WARNING"],
        "migrations": [*python, "makemigrations", "--check", "--dry-run"],
    }


def run(home: Home) -> int:
    """Run every check, show what the failing ones said, and return 1 where there is one."""
    packages.ensure(home, tests=True)
    failed = []
    for name, command in commands(home).items():
        started = time.monotonic()
        done = _run(command)
        mark = "✗" if done.returncode else "✓"
        print(f"  {mark} {name} ({time.monotonic() - started:.1f} s)", flush=True)
        if done.returncode:
            failed.append(name)
            print(
                "\n".join(f"    {line}" for line in (done.stdout + done.stderr).strip().splitlines()[-60:]), flush=True
            )
    isolation = _run([str(home.python), "-c", PROBE])
    print(f"  · isolation: {isolation.stdout.strip() or isolation.stderr.strip().splitlines()[-1]}")
    print(
        f"\n{len(failed)} of {len(commands(home))} checks failed: {', '.join(failed)}"
        if failed
        else "\nAll checks passed."
    )
    return 1 if failed else 0


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    environment = (
        inherited() | SETTINGS | {"PATH": f"{Path(command[0]).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    )
    return subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
