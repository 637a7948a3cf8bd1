"""Who and what the story is about, put in place through the API; doing it again finds it there."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local.home import Home, read_json, write_json

from .api import Person, sign_in_for_token
from .outside import Kubernetes

PROJECT, APP = "demo", "storefront"
CLUSTERS = ("north", "south")
PLANTED = "planted-secret-value-7f3c9a"  # what the last chapter looks for; never printed before
PEOPLE = {"dana": ("Dana Developer", "developer"), "amir": ("Amir Approver", "approver")}
BASE_IMAGES: tuple[dict[str, str], ...] = (
    {"stage": "clone", "reference": "base/clone:1", "language": "", "init_path": ""},
    {"stage": "compile", "reference": "base/python-compile:3.11", "language": "python", "init_path": ""},
    {
        "stage": "run",
        "reference": "base/python-run:3.11",
        "language": "python",
        "init_path": "/opt/slipway/my_init",
    },
)
DOCUMENT: dict[str, Any] = {
    "replicas": 2,
    "ports": [{"name": "http", "port": 8080, "service_port": 80}],
    "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"cpu": "500m", "memory": "128Mi"}},
    "env": [{"name": "GREETING", "value": "Welcome"}, {"name": "DB_PASSWORD", "secret": "DB_PASSWORD"}],
    "secrets": [{"name": "DB_PASSWORD", "description": "of the orders database"}],
    "files": [{"path": "/etc/storefront/config.json", "content": '{"feature": "classic"}\n'}],
    "probes": {
        "readiness": {"type": "http", "port": "http", "path": "/readyz", "period": 1},
        "liveness": {"type": "http", "port": "http", "path": "/healthz", "period": 5},
    },
    "ingress": {},
    "log_directory": "/var/log/storefront",
}
# The negative control: staging goes without what protects a rollout.
UNPROTECTED: dict[str, Any] = {
    "environments": {"staging": {"probes": {"readiness": None, "liveness": None}, "lifecycle": {"pre_stop_sleep": 0}}}
}


@dataclass
class World:
    """Everything the chapters need."""

    home: Home
    url: str
    ca: str
    endpoints: dict[str, Any]
    admin: Person
    dana: Person
    amir: Person
    clusters: dict[str, Kubernetes]
    logs: Path

    def close(self) -> None:
        """Close all connections."""
        for one in (self.admin, self.dana, self.amir, *self.clusters.values()):
            one.close()

    @staticmethod
    def path(rest: str = "") -> str:
        """Return the API path of the application."""
        return f"projects/{PROJECT}/apps/{APP}/{rest}"

    def ingress(self, cluster: str) -> str:
        """Return where a cluster's Ingress listens."""
        return str(self.endpoints[cluster]["ingress"])

    @staticmethod
    def namespace(environment: str) -> str:
        """Return the namespace of an environment's targets; the clusters have one each of that name."""
        return f"{PROJECT}-{environment}"

    def host(self, cluster: str, environment: str = "production") -> str:
        """Return the host name of the application at a cluster's Ingress."""
        return f"{APP}-{self.namespace(environment)}.{cluster}.sandbox.test"

    def registry_login(self) -> tuple[str, str]:
        """Return who may pull from the sandbox's registry."""
        harbor = self.endpoints["harbor"]
        return harbor["username"], harbor["password"]


def set_up(home: Home) -> World:
    """Put people, systems, clusters, a project with its environments, and an application in place."""
    login = read_json(home.secrets / "console.json")
    endpoints = read_json(home.endpoints)
    url, ca = login["url"], endpoints["ca"]
    admin = Person(url, "admin", login["token"])
    _connect(admin, endpoints, Path(ca).read_text())
    admin.ensure("projects/", {"slug": PROJECT, "name": "Demo", "description": "What ./slipway demo tells"})
    people = _people(home, admin, url)
    project = f"projects/{PROJECT}/"
    admin.ensure(
        f"{project}apps/",
        {
            "slug": APP,
            "name": APP.capitalize(),
            "language": "python",
            "gitlab": "gitlab",
            "jenkins": "jenkins",
            "harbor": "harbor",
            "repository_path": f"demo/{APP}",
            "branch": "main",
        },
    )
    environments = (("staging", "Staging", "staging", 0), ("production", "Production", "production", 1))
    for position, (slug, name, stage, approvals) in enumerate(environments):
        wanted = {"slug": slug, "name": name, "stage": stage, "position": position, "approvals_needed": approvals}
        admin.ensure(f"{project}environments/", wanted)
    places = [("staging", "north"), *(("production", cluster) for cluster in CLUSTERS)]
    for environment, cluster in places:
        target = {"slug": cluster, "cluster": cluster, "namespace": World.namespace(environment)}
        admin.ensure(f"{project}environments/{environment}/targets/", target)
    return World(
        home=home,
        url=url,
        ca=ca,
        endpoints=endpoints,
        admin=admin,
        dana=people["dana"],
        amir=people["amir"],
        clusters={name: Kubernetes(endpoints[name]["server"], endpoints[name]["token"], ca) for name in CLUSTERS},
        logs=home.logs,
    )


def _connect(admin: Person, endpoints: dict[str, Any], ca_pem: str) -> None:
    secrets_of = {"gitlab": "token", "jenkins": "token", "harbor": "password"}
    for kind, key in secrets_of.items():
        found = endpoints[kind]
        admin.ensure(
            "connections/",
            {
                "kind": kind,
                "slug": kind,
                "name": {"gitlab": "GitLab", "jenkins": "Jenkins", "harbor": "Harbor"}[kind],
                "url": found["url"],
                "username": found.get("username", ""),
                "secret": found[key],
                "ca_certificate": ca_pem,
                "options": {"registry": found["registry"]} if kind == "harbor" else {},
            },
        )
    for image in BASE_IMAGES:
        admin.ensure("base-images/", {"harbor": "harbor", **image})
    for name in CLUSTERS:
        found = endpoints[name]
        admin.ensure(
            "clusters/",
            {
                "slug": name,
                "name": name.capitalize(),
                "kubeconfig": Path(found["kubeconfig"]).read_text(),
                "ingress_address": found["ingress"],
                "ingress_domain": f"{name}.sandbox.test",
            },
        )


def _people(home: Home, admin: Person, url: str) -> dict[str, Person]:
    """Return the story's people with fresh tokens; their passwords are kept beside the first login."""
    kept = home.secrets / "story.json"
    passwords: dict[str, str] = read_json(kept) or {}
    people = {}
    for username, (display_name, role) in PEOPLE.items():
        if username not in passwords:
            passwords[username] = secrets.token_urlsafe(16)
            write_json(kept, passwords)
        admin.ensure("users/", {"username": username, "password": passwords[username], "display_name": display_name})
        admin.post(f"projects/{PROJECT}/members/", {"username": username, "role": role})
        scopes = ["read", "build", "configure", "release", "approve"]
        people[username] = Person(url, username, sign_in_for_token(url, username, passwords[username], scopes))
    return people
