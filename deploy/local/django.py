"""Run `manage.py` with the installation's settings."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

from .errors import Refusal
from .home import CHECKOUT, Home
from .plan import Installation


def manage(installation: Installation, *arguments: str) -> str:
    """Return what a management command printed.

    Raises:
        Refusal: the command failed; its output is in the log.
    """
    home = installation.home
    done = subprocess.run(
        [home.python, "manage.py", *arguments], cwd=CHECKOUT, env=installation.environment(), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    log = home.logs / "manage.log"
    with log.open("a", encoding="utf-8") as file:
        file.write(f"$ manage.py {' '.join(arguments)}\n{done.stderr}")
        if done.returncode:
            file.write(done.stdout)
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()
        reason = next((line for line in reversed(lines) if not line.startswith("Type 'manage.py help'")), lines[-1])
        raise Refusal(f"manage.py {arguments[0]} failed: {reason[:300]} (see {log})")
    return done.stdout


def bootstrap(installation: Installation) -> dict[str, Any]:
    """Make the first administrator and the connections to the sandbox; return the address, the login and a token."""
    output = manage(installation, "bootstrap", "--json")
    try:
        login: dict[str, Any] = json.loads(output[output.index("{") :])
    except ValueError as exc:
        raise Refusal("manage.py bootstrap --json printed no JSON") from exc
    return login


def migrations_stamp(home: Home, database_url: str) -> str:
    """Return what changes with the migrations, the packages that bring some, and the database."""
    digest = hashlib.sha256(database_url.encode())
    digest.update((CHECKOUT / "requirements.txt").read_bytes())
    for path in sorted(Path(CHECKOUT / "apps").glob("*/migrations/*.py")):
        digest.update(path.read_bytes())
    digest.update(str(home.root).encode())
    return digest.hexdigest()
