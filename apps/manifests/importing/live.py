"""The live objects that an import reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Live:
    """A Deployment and what may belong to it in its namespace; of Secrets only names and keys."""

    deployment: Object
    services: Sequence[Object] = ()
    ingresses: Sequence[Object] = ()
    autoscalers: Sequence[Object] = ()
    config_maps: Mapping[str, Object] = field(default_factory=dict)
    secret_keys: Mapping[str, frozenset[str]] = field(default_factory=dict)


def name_of(item: Object) -> str:
    """Return how findings name an object."""
    return f"{item['kind']}/{item['metadata']['name']}"


def pod_labels(deployment: Object) -> dict[str, str]:
    """Return the labels that its pods get."""
    return dict((deployment["spec"]["template"].get("metadata") or {}).get("labels") or {})


def services_of(live: Live) -> list[Object]:
    """Return the Services that send traffic to the pods; the one of the Deployment's own name first."""
    labels = pod_labels(live.deployment)
    name = live.deployment["metadata"]["name"]
    found = [
        service
        for service in live.services
        if (selector := (service.get("spec") or {}).get("selector")) and selector.items() <= labels.items()
    ]
    return sorted(found, key=lambda service: (service["metadata"]["name"] != name, service["metadata"]["name"]))


_CONFIG_MAP_KEYS = frozenset({"configMapRef", "configMapKeyRef", "configMap"})
_SECRET_KEYS = frozenset({"secretRef", "secretKeyRef", "secret"})


def references(part: Any) -> tuple[set[str], set[str]]:
    """Return the names of the ConfigMaps and of the Secrets that a pod template (or a part of one) reads."""
    config_maps: set[str] = set()
    secrets: set[str] = set()
    children = part.values() if isinstance(part, Mapping) else part if isinstance(part, list) else ()
    if isinstance(part, Mapping):
        for key, value in part.items():
            if isinstance(value, Mapping) and (name := value.get("name") or value.get("secretName")):
                config_maps |= {str(name)} if key in _CONFIG_MAP_KEYS else set()
                secrets |= {str(name)} if key in _SECRET_KEYS else set()
    for child in children:
        below = references(child)
        config_maps |= below[0]
        secrets |= below[1]
    return config_maps, secrets
