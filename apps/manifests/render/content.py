"""Configuration files and secret values as immutable objects named by their content (decision 4), and their mounts.

Files are mounted as directories, never by ``subPath``, so each directory is one volume: what the image has there is
hidden, and `consistency.py` keeps people from hiding the system.
"""

import hashlib
import re
from collections import Counter
from pathlib import PurePosixPath
from typing import Any

import msgspec

from apps.manifests.render.context import ApplicationContext, TargetContext, metadata
from apps.manifests.sealing import NAME_DIGITS, SecretReferences, placeholder
from apps.manifests.spec import ConfigFile, Spec

Manifest = dict[str, Any]

_NOT_IN_KEYS = re.compile(r"[^-._A-Za-z0-9]")
_LONGEST_KEY = 253


class MissingReference(LookupError):
    """The document uses a secret value that has none for this target."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def config_map_keys(files: tuple[ConfigFile, ...]) -> dict[str, str]:
    """Return the ConfigMap key of each file path: readable, and unique also where two paths read the same."""
    plain = {file.path: _NOT_IN_KEYS.sub("_", file.path[1:].replace("/", "__")).lstrip(".") for file in files}
    taken = Counter(plain.values())
    keys: dict[str, str] = {}
    for path, key in plain.items():
        if not key or taken[key] > 1 or len(key) > _LONGEST_KEY:
            key = f"{key[:200]}-{hashlib.sha256(path.encode()).hexdigest()[:16]}"
        keys[path] = key
    return keys


def render_config_map(spec: Spec, application: ApplicationContext, target: TargetContext) -> Manifest | None:
    """Return the ConfigMap of the plain files, None when there are none."""
    files = tuple(sorted((file for file in spec.files if file.content is not None), key=lambda file: file.path))
    if not files:
        return None
    keys = config_map_keys(files)
    data = {keys[file.path]: file.content for file in files}
    digest = hashlib.sha256(msgspec.json.encode(data, order="deterministic")).hexdigest()[:NAME_DIGITS]
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata(f"{application.slug}-files-{digest}", application, target),
        "immutable": True,
        "data": data,
    }


def render_secret(
    spec: Spec, application: ApplicationContext, target: TargetContext, secrets: SecretReferences
) -> Manifest | None:
    """Return the Secret of the values in use, holding references only; None when none is used.

    Raises:
        MissingReference: a value in use is not in `secrets`.
    """
    keys = spec.referenced_secrets()
    if not keys:
        return None
    for key in keys:
        if key not in secrets.references:
            raise MissingReference(key)
    name = f"{application.slug}-secrets-{secrets.fingerprint[:NAME_DIGITS]}"
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata(name, application, target),
        "type": "Opaque",
        "immutable": True,
        "data": {key: placeholder(secrets.references[key]) for key in keys},
    }


def group_by_directory(files: tuple[ConfigFile, ...]) -> dict[str, list[tuple[ConfigFile, str]]]:
    """Return for each directory to mount its files and their paths inside it; nested directories join the outer one."""
    mounted: dict[str, list[tuple[ConfigFile, str]]] = {}
    for file in sorted(files, key=lambda file: (file.path.count("/"), file.path)):
        parents = [str(parent) for parent in reversed(PurePosixPath(file.path).parents)]
        directory = next((parent for parent in parents if parent in mounted), parents[-1])
        mounted.setdefault(directory, []).append((file, str(PurePosixPath(file.path).relative_to(directory))))
    return dict(sorted(mounted.items()))


def render_file_volumes(
    spec: Spec, *, config_map: str | None, secret: str | None
) -> tuple[list[Manifest], list[Manifest]]:
    """Return the volumes that hold the files and where they are mounted, one per directory."""
    keys = config_map_keys(tuple(file for file in spec.files if file.content is not None))
    volumes: list[Manifest] = []
    mounts: list[Manifest] = []
    for number, (directory, files) in enumerate(group_by_directory(spec.files).items()):
        plain = [{"key": keys[file.path], "path": inside} for file, inside in files if file.content is not None]
        sealed = [{"key": file.secret, "path": inside} for file, inside in files if file.content is None]
        sources: list[Manifest] = []
        if plain:
            sources.append({"configMap": {"name": config_map, "items": plain}})
        if sealed:
            sources.append({"secret": {"name": secret, "items": sealed}})
        volumes.append({"name": f"files-{number}", "projected": {"sources": sources}})
        mounts.append({"name": f"files-{number}", "mountPath": directory, "readOnly": True})
    return volumes, mounts
