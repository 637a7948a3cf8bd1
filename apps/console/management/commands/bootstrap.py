"""`manage.py bootstrap`: the first administrator and an API token, made once and given back afterwards."""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from apps.console import services


class Command(BaseCommand):
    help = "Make the first administrator and an API token, unless they exist; print how to sign in."

    def add_arguments(self, parser: ArgumentParser) -> None:
        default = os.environ.get("SLIPWAY_STATE") or str(settings.BASE_DIR / ".slipway")
        parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")
        parser.add_argument("--state", type=Path, default=Path(default), help="folder that keeps the token (mode 600)")
        parser.add_argument("--reset", action="store_true", help="give a new password and a new token")

    def handle(self, *_: Any, **options: Any) -> None:
        login = services.bootstrap(state=options["state"], reset=options["reset"])
        if options["json"]:
            self.stdout.write(json.dumps(asdict(login)))
            return
        password = login.password or "(as it was; --reset gives a new one)"
        self.stdout.write(f"Console:  {login.url}\nUser:     {login.username}\nPassword: {password}")
        self.stdout.write(f"Token:    {login.token}")
