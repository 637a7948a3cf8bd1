"""What a container's environment and command line become: references resolved, `$(NAME)` expanded.

Variables for Services (`enableServiceLinks`) are not set: a pod of the sandbox has no route to cluster addresses.

https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
"""

from __future__ import annotations

import base64
import re
from decimal import ROUND_CEILING
from typing import Any

from deploy.sandbox.kubernetes import quantity
from deploy.sandbox.kubernetes.store import Store

Object = dict[str, Any]
_REFERENCE = re.compile(r"\$\$|\$\(([-._A-Za-z][-._A-Za-z0-9]*)\)")
_MAP_FIELD = re.compile(r"metadata\.(labels|annotations)\['([^']*)'\]")


class ConfigError(Exception):
    """A container cannot be configured; the message is worded as the kubelet does."""


def expand(text: str, known: dict[str, str]) -> str:
    """Return `text` with `$(NAME)` replaced where NAME is known, and `$$` as one `$`."""

    def replace(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        return known.get(match[1], match[0])

    return _REFERENCE.sub(replace, text)


class Resolver:
    """Resolves references for one pod."""

    def __init__(self, store: Store, pod: Object, *, pod_ip: str, host_ip: str, allocatable: dict[str, str]) -> None:
        self._store = store
        self._pod = pod
        self._namespace = pod["metadata"]["namespace"]
        self._pod_ip, self._host_ip = pod_ip, host_ip
        self._allocatable = allocatable

    def environment(self, container: Object, first: dict[str, str]) -> dict[str, str]:
        """Return the variables of a container, on top of `first` (the image's).

        Raises:
            ConfigError: a ConfigMap, Secret, key or field is missing.
        """
        result = dict(first)
        for source in container.get("envFrom") or ():
            prefix = source.get("prefix", "")
            for kind, reader in (("configMapRef", self._config_map), ("secretRef", self._secret)):
                if kind in source:
                    values = reader(source[kind]["name"], optional=source[kind].get("optional", False))
                    result |= {prefix + key: value for key, value in (values or {}).items()}
        for entry in container.get("env") or ():
            if entry.get("valueFrom"):
                value = self._value_from(entry["valueFrom"], container)
            else:
                value = expand(entry.get("value") or "", result)
            if value is not None:
                result[entry["name"]] = value
        return result

    def field(self, path: str) -> str:
        """Return a field of the pod as the downward API gives it.

        Raises:
            ConfigError: there is no such field.
        """
        metadata, spec = self._pod["metadata"], self._pod["spec"]
        if match := _MAP_FIELD.fullmatch(path):
            return str((metadata.get(match[1]) or {}).get(match[2], ""))
        if path in ("metadata.labels", "metadata.annotations"):
            values = metadata.get(path.partition(".")[2]) or {}
            return "\n".join(f'{key}="{_quoted(value)}"' for key, value in sorted(values.items()))
        fields = {
            "metadata.name": metadata["name"], "metadata.namespace": self._namespace, "metadata.uid": metadata["uid"],
            "spec.nodeName": spec.get("nodeName", ""), "spec.serviceAccountName": spec.get("serviceAccountName", "default"),
            "status.podIP": self._pod_ip, "status.podIPs": self._pod_ip,
            "status.hostIP": self._host_ip, "status.hostIPs": self._host_ip,
        }  # fmt: skip
        if path not in fields:
            raise ConfigError(f"unsupported fieldPath: {path}")
        return str(fields[path])

    def resource(self, reference: Object, container: Object | None) -> str:
        """Return a container's limit or request in units of the divisor; without one, what the node can give.

        Raises:
            ConfigError: there is no such container.
        """
        if reference.get("containerName"):
            every = [*self._pod["spec"]["containers"], *(self._pod["spec"].get("initContainers") or ())]
            container = next((each for each in every if each["name"] == reference["containerName"]), None)
        if container is None:
            raise ConfigError(f"Container {reference.get('containerName')} not found")
        kind, _, name = reference["resource"].partition(".")
        resources = container.get("resources") or {}
        amount = (resources.get(kind) or {}).get(name)
        if amount is None:
            amount = self._allocatable.get(name, "0") if kind == "limits" else "0"
        divisor = quantity.parse(reference.get("divisor") or "1") or quantity.parse("1")
        return str(int((quantity.parse(amount) / divisor).to_integral_value(rounding=ROUND_CEILING)))

    def _value_from(self, source: Object, container: Object) -> str | None:
        if "fieldRef" in source:
            return self.field(source["fieldRef"]["fieldPath"])
        if "resourceFieldRef" in source:
            return self.resource(source["resourceFieldRef"], container)
        for kind, reader, shown in (
            ("configMapKeyRef", self._config_map, "ConfigMap"), ("secretKeyRef", self._secret, "Secret")
        ):  # fmt: skip
            if kind not in source:
                continue
            reference = source[kind]
            optional = reference.get("optional", False)
            values = reader(reference["name"], optional=optional)
            if values is not None and reference["key"] in values:
                return values[reference["key"]]
            if optional:
                return None
            raise ConfigError(f"couldn't find key {reference['key']} in {shown} {self._namespace}/{reference['name']}")
        raise ConfigError("invalid valueFrom")

    def _config_map(self, name: str, *, optional: bool) -> dict[str, str] | None:
        found = self._store.peek("configmaps", self._namespace, name)
        if found is None:
            if optional:
                return None
            raise ConfigError(f'configmap "{name}" not found')
        return dict(found.get("data") or {})

    def _secret(self, name: str, *, optional: bool) -> dict[str, str] | None:
        found = self._store.peek("secrets", self._namespace, name)
        if found is None:
            if optional:
                return None
            raise ConfigError(f'secret "{name}" not found')
        return {
            key: base64.b64decode(value).decode(errors="replace") for key, value in (found.get("data") or {}).items()
        }


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
