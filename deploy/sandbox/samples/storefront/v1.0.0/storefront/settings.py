"""Settings: the environment, and one configuration file."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

CONFIG_FILE = "/etc/storefront/config.json"


@dataclass(frozen=True)
class Settings:
    address: str
    port: int
    greeting: str
    feature: str
    db_password: str
    commit: str
    log_folder: Path | None


def read_settings(environ=os.environ):
    """Return the settings, read once at start."""
    config = read_config(Path(environ.get("STOREFRONT_CONFIG", CONFIG_FILE)))
    return Settings(
        address=environ.get("POD_IP", ""),
        port=int(environ.get("PORT", "8080")),
        greeting=environ.get("GREETING", "Welcome"),
        feature=str(config.get("feature", "off")),
        db_password=environ.get("DB_PASSWORD", ""),
        commit=environ.get("GIT_COMMIT", ""),
        log_folder=Path(environ["LOG_DIR"]) if environ.get("LOG_DIR") else None,
    )


def read_config(path):
    """Return the configuration file's content; a missing file is an empty one."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return {}
