"""A pod's volumes as folders on disk.

Files from ConfigMaps, Secrets and the downward API lie in a folder that is replaced as a whole through the link `..data`, so that
a container never sees half of a change. https://kubernetes.io/docs/concepts/storage/volumes/
"""

from __future__ import annotations

import base64
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from deploy.sandbox.isolation import Bind, own
from deploy.sandbox.kubernetes.store import Store

from .environment import ConfigError, Resolver

Object = dict[str, Any]
Files = dict[str, tuple[bytes, int]]
FROM_OBJECTS = ("configMap", "secret", "downwardAPI", "projected")
DEFAULT_MODE = 0o644


class MountError(Exception):
    """A volume cannot be made ready; the message is the event's."""


class Volumes:
    """The volumes of one pod, below `folder`; claims have folders of their own that outlive the pod."""

    def __init__(
        self, store: Store, folder: Path, claims: Path, issue_token: Callable[[str, str], str] | None = None
    ) -> None:
        self._store = store
        self._folder = folder
        self._claims = claims
        self._issue_token = issue_token

    def prepare(self, pod: Object, resolver: Resolver) -> None:
        """Make every volume ready.

        Raises:
            MountError: one of them cannot be.
        """
        for volume in pod["spec"].get("volumes") or ():
            try:
                self._prepare(pod, volume, resolver)
            except ConfigError as exc:
                raise MountError(f'MountVolume.SetUp failed for volume "{volume["name"]}" : {exc}') from exc

    def refresh(self, pod: Object, resolver: Resolver) -> None:
        """Write changed ConfigMaps and Secrets into volumes that are in use; what is missing now stays as it was."""
        for volume in pod["spec"].get("volumes") or ():
            if any(kind in volume for kind in FROM_OBJECTS):
                try:
                    self._prepare(pod, volume, resolver)
                except ConfigError:
                    continue

    def binds(self, pod: Object, container: Object) -> list[Bind]:
        """Return the mounts of one container.

        Raises:
            ConfigError: a mount names no volume, or its subPath leaves the volume.
        """
        volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes") or ()}
        binds = []
        for mount in container.get("volumeMounts") or ():
            volume = volumes.get(mount["name"])
            if volume is None:
                raise ConfigError(f'cannot find volume "{mount["name"]}" to mount into container "{container["name"]}"')
            source = self._place(pod, volume)
            if mount.get("subPath"):
                source = (source / mount["subPath"]).resolve()
                if not source.is_relative_to(self._place(pod, volume).resolve()):
                    raise ConfigError(
                        f"failed to prepare subPath for volumeMount {mount['name']!r}: it leaves the volume"
                    )
                if not source.exists():
                    source.mkdir(parents=True)
                    own(source)
            read_only = bool(mount.get("readOnly")) or any(kind in volume for kind in FROM_OBJECTS)
            binds.append(Bind(str(source), mount["mountPath"], read_only))
        return binds

    def _place(self, pod: Object, volume: Object) -> Path:
        if "persistentVolumeClaim" in volume:
            return self._claims / pod["metadata"]["namespace"] / volume["persistentVolumeClaim"]["claimName"]
        return self._folder / volume["name"]

    def _prepare(self, pod: Object, volume: Object, resolver: Resolver) -> None:
        namespace = pod["metadata"]["namespace"]
        place = self._place(pod, volume)
        if any(kind in volume for kind in FROM_OBJECTS):
            kind = next(kind for kind in FROM_OBJECTS if kind in volume)
            source = volume[kind]
            mode = source.get("defaultMode", DEFAULT_MODE)
            sources = source.get("sources") or () if kind == "projected" else ({kind: source},)
            files: Files = {}
            for each in sources:
                files |= self._files(namespace, pod, each, mode, resolver)
            _project(place, files)
        elif "emptyDir" in volume:
            if not place.exists():
                place.mkdir(parents=True)
                place.chmod(0o777)
                own(place)
        elif "persistentVolumeClaim" in volume:
            claim = volume["persistentVolumeClaim"]["claimName"]
            if self._store.peek("persistentvolumeclaims", namespace, claim) is None:
                raise ConfigError(f'persistentvolumeclaim "{claim}" not found')
            if not place.exists():
                place.mkdir(parents=True)
                place.chmod(0o777)
                own(place)
        else:
            kind = next((key for key in volume if key != "name"), "?")
            raise ConfigError(f"volumes of type {kind} are not allowed on nodes of the sandbox")

    def _files(self, namespace: str, pod: Object, source: Object, mode: int, resolver: Resolver) -> Files:
        if "configMap" in source:
            spec = source["configMap"]
            found = self._find("configmaps", "configmap", namespace, spec.get("name", ""), spec)
            content = {key: value.encode() for key, value in (found.get("data") or {}).items()}
            content |= {key: base64.b64decode(value) for key, value in (found.get("binaryData") or {}).items()}
            return _chosen(content, spec, mode)
        if "secret" in source:
            spec = source["secret"]
            name = spec.get("secretName") or spec.get("name", "")
            found = self._find("secrets", "secret", namespace, name, spec)
            return _chosen(
                {key: base64.b64decode(value) for key, value in (found.get("data") or {}).items()}, spec, mode
            )
        if "downwardAPI" in source:
            return {
                item["path"]: (self._downward(item, resolver).encode(), item.get("mode", mode))
                for item in source["downwardAPI"].get("items") or ()
            }
        if "serviceAccountToken" in source and self._issue_token is not None:
            path = source["serviceAccountToken"]["path"]
            known = next((each for each in self._folder.glob(f"*/..data/{path}") if each.is_file()), None)
            if known is not None:  # tokens of the sandbox do not expire: one a pod is enough
                return {path: (known.read_bytes(), mode)}
            account = pod["spec"].get("serviceAccountName", "default")
            return {path: (self._issue_token(namespace, account).encode(), mode)}
        return {}

    @staticmethod
    def _downward(item: Object, resolver: Resolver) -> str:
        if "fieldRef" in item:
            return resolver.field(item["fieldRef"]["fieldPath"])
        return resolver.resource(item["resourceFieldRef"], None)

    def _find(self, resource: str, shown: str, namespace: str, name: str, spec: Object) -> Object:
        found = self._store.peek(resource, namespace, name)
        if found is None:
            if spec.get("optional"):
                return {}
            raise ConfigError(f'{shown} "{name}" not found')
        return found


def _chosen(content: dict[str, bytes], spec: Object, mode: int) -> Files:
    if not spec.get("items"):
        return {key: (value, mode) for key, value in content.items()}
    files: Files = {}
    for item in spec["items"]:
        if item["key"] not in content:
            if spec.get("optional"):
                continue
            raise ConfigError(f"references non-existent config key: {item['key']}")
        files[item["path"]] = (content[item["key"]], item.get("mode", mode))
    return files


def _project(place: Path, files: Files) -> None:
    """Write the files so that all change at one moment, and only when something did."""
    current = place / "..data"
    if current.is_dir() and _read(current) == {path: content for path, (content, _) in files.items()}:
        return
    place.mkdir(parents=True, exist_ok=True)
    place.chmod(0o755)
    fresh = place / f"..{time.time_ns()}"
    fresh.mkdir()
    for path, (content, mode) in files.items():
        target = fresh / path
        if not target.resolve().is_relative_to(fresh.resolve()):
            raise ConfigError(f"path {path} leaves the volume")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        target.chmod(mode)
    own(place)
    old = current.resolve() if current.is_symlink() else None
    link = place / "..data_tmp"
    link.symlink_to(fresh.name)
    link.replace(current)
    tops = {path.split("/", 1)[0] for path in files}
    for name in tops:
        if not (place / name).is_symlink():
            (place / name).symlink_to(f"..data/{name}")
    for entry in place.iterdir():
        if entry.is_symlink() and not entry.name.startswith("..") and entry.name not in tops:
            entry.unlink()
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)


def _read(folder: Path) -> dict[str, bytes]:
    folder = folder.resolve()
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
