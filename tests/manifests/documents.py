"""Form data for tests: one full example, and a hypothesis strategy for documents that a person could have written."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from apps.manifests.render import ApplicationContext, TargetContext
from apps.manifests.sealing import SecretReferences, fingerprint

DIGEST = "sha256:" + "4f" * 32
IMAGE = f"registry.example/demo/storefront@{DIGEST}"
APPLICATION = ApplicationContext(uid="a1b2c3d4e5f6a7b8", slug="storefront", project="demo")
TARGET = TargetContext(
    namespace="demo-production",
    version="1.36",
    ingress_domain="north.example",
    ingress_class="nginx",
    pull_secret="slipway-pull",
)

FULL: dict[str, Any] = {
    "replicas": 3,
    "command": ["/opt/app/run"],
    "args": ["--verbose"],
    "ports": [
        {"name": "http", "port": 8080, "service_port": 80},
        {"name": "metrics", "port": 9090},
    ],
    "resources": {"requests": {"cpu": "0.25", "memory": "256Mi"}, "limits": {"cpu": "1000m", "memory": "1024Mi"}},
    "env": [
        {"name": "GREETING", "value": "hello"},
        {"name": "DB_PASSWORD", "secret": "DB_PASSWORD"},
        {"name": "ADDRESS", "value": "$(POD_IP):8080"},
    ],
    "secrets": [{"name": "DB_PASSWORD", "description": "of the orders database"}, {"name": "tls.key"}],
    "files": [
        {"path": "/etc/storefront/config.json", "content": '{"feature": "on"}\n'},
        {"path": "/etc/storefront/extra/limits.ini", "content": "[limits]\nmax=10\n"},
        {"path": "/etc/tls-keys/tls.key", "secret": "tls.key"},
    ],
    "probes": {
        "readiness": {"type": "http", "port": "http", "path": "/readyz", "period": 2},
        "liveness": {"type": "http", "path": "/healthz", "initial_delay": 3},
        "startup": {"type": "command", "command": ["/opt/app/started"], "period": 5, "failure_threshold": 20},
    },
    "lifecycle": {"pre_stop_sleep": 12},
    "ingress": {"tls": True, "annotations": {"nginx.ingress.kubernetes.io/proxy-body-size": "8m"}},
    "log_directory": "/var/log/storefront",
    "node_group": "payments",
    "node_selector": {"disk": "ssd"},
    "annotations": {"example.com/owner": "team-a"},
    "bandwidth": {"ingress": "10M", "egress": "20M"},
    "run_as_user": 1000,
    "read_only_root": True,
}

SECRETS = SecretReferences(
    fingerprint(b"key", {"DB_PASSWORD": "hunter2", "tls.key": "-----"}),
    {"DB_PASSWORD": "environment:production/DB_PASSWORD@3", "tls.key": "base/tls.key@1"},
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 70_000) | st.floats(allow_nan=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)

_names = st.sampled_from(["http", "grpc", "metrics", "admin", "debug"])
_env_names = st.sampled_from(["A", "B", "GREETING", "DB_PASSWORD", "LOG_LEVEL", "_x"])
_secret_keys = st.sampled_from(["DB_PASSWORD", "api.token", "tls.key"])
_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)
_cpu = st.sampled_from(["10m", "100m", "0.5", "1", "1500m", "2"])
_memory = st.sampled_from(["64Mi", "128Mi", "1024Mi", "1Gi", "200M", "1e9"])
_paths = st.sampled_from(
    ["/etc/app/a.json", "/etc/app/b.ini", "/etc/app/sub/c", "/opt/conf/a.json", "/opt/conf/x__y", "/opt/conf/x/y"]
)


@st.composite
def _probes(draw: st.DrawFn, ports: list[str]) -> dict[str, Any]:
    kinds = ["command"] + (["http", "tcp"] if ports else [])
    kind = draw(st.sampled_from(kinds))
    probe: dict[str, Any] = {"type": kind, "period": draw(st.integers(1, 60)), "timeout": draw(st.integers(1, 10))}
    if kind == "command":
        probe["command"] = draw(st.lists(_texts.filter(bool), min_size=1, max_size=3))
    elif draw(st.booleans()):
        probe["port"] = draw(st.sampled_from(ports))
    if kind == "http":
        probe["path"] = draw(st.sampled_from(["/", "/healthz", "/a/b?c=d"]))
    return probe


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Return a base document without errors."""
    ports = draw(st.lists(_names, unique=True, max_size=4))
    document: dict[str, Any] = {
        "replicas": draw(st.integers(0, 20)),
        "ports": [{"name": name, "port": 8000 + index} for index, name in enumerate(ports)],
    }
    secrets = draw(st.lists(_secret_keys, unique=True, max_size=3))
    document["secrets"] = [{"name": name} for name in secrets]
    document["env"] = [
        {"name": name, "secret": draw(st.sampled_from(secrets))}
        if secrets and draw(st.booleans())
        else {"name": name, "value": draw(_texts)}
        for name in draw(st.lists(_env_names, unique=True, max_size=5))
    ]
    document["files"] = [
        {"path": path, "content": draw(_texts)} for path in draw(st.lists(_paths, unique=True, max_size=4))
    ]
    taken = {row["path"] for row in document["files"]}
    document["files"] = [
        row for row in document["files"] if not any(one.startswith(row["path"] + "/") for one in taken)
    ]
    if draw(st.booleans()):
        document["resources"] = {"limits": {"cpu": draw(_cpu), "memory": draw(_memory)}}
    names = draw(st.lists(st.sampled_from(["readiness", "liveness", "startup"]), unique=True))
    document["probes"] = {name: draw(_probes(ports)) for name in names}
    if ports and draw(st.booleans()):
        document["ingress"] = {"tls": draw(st.booleans()), "path": draw(st.sampled_from(["/", "/shop"]))}
    if draw(st.booleans()):
        document["autoscaling"] = {"min": 1, "max": draw(st.integers(1, 9)), "cpu": 70}
    if draw(st.booleans()):
        document["strategy"] = draw(
            st.sampled_from([{"type": "Recreate"}, {"max_surge": "25%", "max_unavailable": "10%"}, {"max_surge": 2}])
        )
    document["lifecycle"] = {"pre_stop_sleep": draw(st.integers(0, 60))}
    if draw(st.booleans()):
        document["log_directory"] = "/var/log/app"
    return document


def references_for(document: dict[str, Any]) -> SecretReferences:
    """Return made-up references for every secret of a document."""
    names = [row["name"] for row in document.get("secrets", [])]
    return SecretReferences(fingerprint(b"key", dict.fromkeys(names, "v")), {name: f"base/{name}@1" for name in names})


def shuffled(draw: st.DrawFn, value: Any) -> Any:
    """Return `value` with the keys of its objects in another order."""
    if isinstance(value, dict):
        keys = draw(st.permutations(list(value)))
        return {key: shuffled(draw, value[key]) for key in keys}
    return [shuffled(draw, item) for item in value] if isinstance(value, list) else value
