"""The least-privilege access Slipway asks for, as YAML to apply: made from the same table as the check. Pure."""

from __future__ import annotations

from typing import Any

import yaml

from .permissions import NEEDS

NAMESPACE = "slipway-system"
NAME = "slipway"


def access_objects() -> list[dict[str, Any]]:
    """Return Namespace, ServiceAccount, ClusterRole, binding, and the Secret that holds its token."""
    rules = [
        {"apiGroups": [need.group], "resources": list(need.resources), "verbs": list(need.verbs)} for need in NEEDS
    ]
    account = {"name": NAME, "namespace": NAMESPACE}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": account},
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": NAME},
            "rules": rules,
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": NAME},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": NAME},
            "subjects": [{"kind": "ServiceAccount", **account}],
        },
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/service-account-token",
            "metadata": {
                "name": f"{NAME}-token",
                "namespace": NAMESPACE,
                "annotations": {"kubernetes.io/service-account.name": NAME},
            },
        },
    ]


def access_yaml() -> str:
    """Return them as one YAML stream for `kubectl apply -f -`."""
    return yaml.safe_dump_all(access_objects(), sort_keys=False)


def token_command() -> str:
    """Return the command that prints the token once the YAML was applied."""
    return f"kubectl -n {NAMESPACE} get secret {NAME}-token -o jsonpath='{{.data.token}}' | base64 -d"
