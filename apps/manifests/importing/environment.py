"""The environment of a container: plain values, keys of ConfigMaps (as plain values), keys of Secrets (by name)."""

from __future__ import annotations

import re
from typing import Any

from .findings import Level, Report, Taker
from .live import Live
from .secrets import SecretNames

Row = dict[str, Any]

_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
# What the platform sets by itself, the same way.
_PLATFORM_FIELDS = {"POD_NAME": "metadata.name", "POD_NAMESPACE": "metadata.namespace", "POD_IP": "status.podIP"}


def import_environment(container: Taker, live: Live, names: SecretNames, report: Report) -> list[Row]:
    """Return the rows of the form: what comes from whole objects first, single variables over it, as the kubelet does."""
    rows: dict[str, Row] = {}
    for source in container.rows("envFrom"):
        rows |= {row["name"]: row for row in _whole(source, live, names, report)}
        report.rest(source)
    for variable in container.rows("env"):
        name = variable.take("name")
        rows.pop(name, None)  # a later one stands where it is written: others may refer to it
        row = _single(name, variable, live, names, report)
        if row is not None:
            rows[name] = row
        report.rest(variable)
    return list(rows.values())


def _whole(source: Taker, live: Live, names: SecretNames, report: Report) -> list[Row]:
    prefix = source.take("prefix", default="")
    if config_map := source.take("configMapRef", "name"):
        optional = source.take("configMapRef", "optional", default=False)
        found = live.config_maps.get(config_map)
        if found is None:
            _missing(source, "ConfigMap", config_map, optional, report)
            return []
        values = (found.get("data") or {}).items()
        return [{"name": prefix + key, "value": _literal(text)} for key, text in values if _fits(prefix + key)]
    secret = source.take("secretRef", "name")
    optional = source.take("secretRef", "optional", default=False)
    keys = live.secret_keys.get(secret)
    if keys is None:
        _missing(source, "Secret", secret, optional, report)
        return []
    return [{"name": prefix + key, "secret": names.name(secret, key)} for key in sorted(keys) if _fits(prefix + key)]


def _single(name: str, variable: Taker, live: Live, names: SecretNames, report: Report) -> Row | None:
    value_from = variable.part("valueFrom")
    if secret := value_from.take("secretKeyRef", "name"):
        key, optional = value_from.take("secretKeyRef", "key"), value_from.take("secretKeyRef", "optional")
        if key not in live.secret_keys.get(secret, frozenset()):
            _missing(variable, "Secret", f"{secret}[{key}]", optional, report)
            return None
        return {"name": name, "secret": names.name(secret, key)}
    if config_map := value_from.take("configMapKeyRef", "name"):
        key, optional = value_from.take("configMapKeyRef", "key"), value_from.take("configMapKeyRef", "optional")
        found = (live.config_maps.get(config_map, {}).get("data") or {}).get(key)
        if found is None:
            _missing(variable, "ConfigMap", f"{config_map}[{key}]", optional, report)
            return None
        return {"name": name, "value": _literal(found)}
    if field := value_from.take("fieldRef", "fieldPath"):
        value_from.drop("fieldRef", "apiVersion", equal="v1")
        if _PLATFORM_FIELDS.get(name) != field:
            report.add(Level.STOP, "env_from_field", variable, name=name, field=field)
        return None
    if any(value_from.left()):
        report.add(Level.STOP, "env_from_field", variable, name=name, field="resourceFieldRef")
        return None
    return {"name": name, "value": variable.take("value", default="")}


def _missing(about: Taker, kind: str, name: str, optional: Any, report: Report) -> None:
    """Note what is read and not there: pods that start now would lack it, or not start at all."""
    report.add(Level.LOST if optional else Level.STOP, "reference_missing", about, kind=kind, name=name)


def _fits(name: str) -> bool:
    """Return whether the kubelet would take a key for a variable; it leaves out others."""
    return _ENV_NAME.fullmatch(name) is not None


def _literal(text: str) -> str:
    """Return a text that means itself in the form, where `$(NAME)` means the value of another variable."""
    return str(text).replace("$(", "$$(")
