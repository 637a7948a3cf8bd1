"""`./slipway up`: from a fresh checkout to an open console.

Flow: virtual environment -> ports and data folders -> PostgreSQL, Redis, sandbox -> migrations and the first
login -> web, workers, beat. What is done already is skipped, so that a second `up` takes a second and repairs.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from deploy.local import installation as packages
from deploy.local.console import step
from deploy.local.django import bootstrap, manage, migrations_stamp
from deploy.local.home import CHECKOUT, Home, read_json, write_json
from deploy.local.lock import exclusive
from deploy.local.plan import Installation, prepare
from deploy.local.running import ensure_supervisor, find_supervisor, wait_ready
from deploy.local.services import Plan
from deploy.local.settings import Settings

START_SECONDS = 120.0


def login_path(home: Home) -> Path:
    """Return where the first login is kept."""
    return home.secrets / "console.json"


def bring_up(home: Home) -> Installation:
    """Make everything run and return how it is set up.

    Raises:
        Refusal: something cannot be done on this machine or with these settings.
    """
    settings = Settings.read(os.environ, CHECKOUT / ".env")
    with exclusive(home.run / "up.lock"):
        packages.ensure(home)
        if settings.sandbox:
            packages.ensure_scanners(home)
        settings.require_reachable()
        was_running = find_supervisor(home) is not None
        with step("ports and data folders"):
            installed = prepare(home, settings)
        mark = home.run / "migrated.json"
        stamp = migrations_stamp(home, installed.database_url)
        if not (was_running and read_json(mark) == stamp and login_path(home).exists()):
            _start(home, installed.first_plan())
            with step("database"):
                manage(installed, "migrate", "--no-input", "--verbosity", "0")
                known = read_json(login_path(home)) or {}
                # A login that exists already comes without its password, which only the first answer told.
                told = {name: value for name, value in bootstrap(installed).items() if value is not None}
                write_json(login_path(home), known | told)
                write_json(mark, stamp)
        _start(home, installed.whole_plan())
    return installed


def _start(home: Home, plan: Plan) -> None:
    if not plan.services:
        return
    with step(", ".join(service.name for service in plan.services)) as progress:
        plan.save(home)
        ensure_supervisor(home)
        wait_ready(home, [service.name for service in plan.services], progress, START_SECONDS)


def run(home: Home) -> int:
    """Bring everything up and say where it is."""
    started = time.monotonic()
    installed = bring_up(home)
    login = read_json(login_path(home)) or {}
    print(f"\nSlipway is up ({time.monotonic() - started:.1f} s): {installed.base_url}")
    if login.get("username"):
        print(f"Log in as {login['username']} with the password {login.get('password') or '(as you set it)'}")
    print("./slipway env prints addresses and credentials, ./slipway status what runs, ./slipway down stops it.")
    return 0
