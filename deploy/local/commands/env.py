"""`eval "$(./slipway env)"`: addresses and credentials of the console and of the sandbox as shell variables."""

from __future__ import annotations

import base64
import shlex
from pathlib import Path
from typing import Any

from deploy.local.errors import Refusal
from deploy.local.home import Home, read_json, write_json
from deploy.local.services import load_plan

from .up import login_path


def run(home: Home) -> int:
    """Print one export a line."""
    for name, value in variables(home).items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


def variables(home: Home) -> dict[str, str]:
    """Return the variables of this installation.

    Raises:
        Refusal: nothing is up.
    """
    login = read_json(login_path(home))
    if not login:
        raise Refusal("there is nothing to tell yet: run ./slipway up first")
    addresses = [service.address for service in load_plan(home).services if service.name == "web"]
    found = {"SLIPWAY_URL": addresses[0] if addresses else login["url"], "SLIPWAY_TOKEN": login["token"]}
    endpoints = read_json(home.endpoints)
    if endpoints:
        found |= _sandbox(endpoints, home)
    return found


def _sandbox(endpoints: dict[str, Any], home: Home) -> dict[str, str]:
    ca = endpoints["ca"]
    gitlab, jenkins, harbor = (endpoints.get(name, {}) for name in ("gitlab", "jenkins", "harbor"))
    found = {
        "SANDBOX_CA_FILE": ca,
        "GITLAB_URL": gitlab.get("url"),
        "GITLAB_TOKEN": gitlab.get("token"),
        "JENKINS_URL": jenkins.get("url"),
        "JENKINS_USER": jenkins.get("username"),
        "JENKINS_TOKEN": jenkins.get("token"),
        "HARBOR_URL": harbor.get("url"),
        "HARBOR_USER": harbor.get("username"),
        "HARBOR_PASSWORD": harbor.get("password"),
        "REGISTRY": harbor.get("registry"),
        "SANDBOX_CONTROL_URL": endpoints.get("control", {}).get("url"),
        "SANDBOX_CONTROL_TOKEN": endpoints.get("control", {}).get("token"),
        # For this one host, so that the shell's git goes on trusting the rest of the world.
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"http.{gitlab.get('url')}/.sslCAInfo",
        "GIT_CONFIG_VALUE_0": ca,
    }
    clusters = {name: entry for name, entry in endpoints.items() if isinstance(entry, dict) and "kubeconfig" in entry}
    if clusters:
        path = home.secrets / "kubeconfig.json"
        write_json(path, kubeconfig(clusters, Path(ca)))
        found["KUBECONFIG"] = str(path)
        found |= {f"INGRESS_{name.upper()}": entry.get("ingress") for name, entry in clusters.items()}
    return {name: str(value) for name, value in found.items() if value}


def kubeconfig(clusters: dict[str, Any], ca: Path) -> dict[str, Any]:
    """Return one kubeconfig with a context per cluster. JSON is YAML, so kubectl reads it.

    https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
    """
    authority = base64.b64encode(ca.read_bytes()).decode()
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": name, "cluster": {"server": entry["server"], "certificate-authority-data": authority}}
            for name, entry in clusters.items()
        ],
        "users": [{"name": f"{name}-admin", "user": {"token": entry["token"]}} for name, entry in clusters.items()],
        "contexts": [{"name": name, "context": {"cluster": name, "user": f"{name}-admin"}} for name in clusters],
        "current-context": next(iter(clusters)),
    }
