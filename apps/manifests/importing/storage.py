"""The volumes of a container: files from ConfigMaps and Secrets, the log directory, a writable /tmp. Nothing else fits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from apps.manifests.defaults import LOG_SIZE_LIMIT

from .findings import Level, Report, Taker
from .live import Live
from .secrets import SecretNames

Row = dict[str, Any]

_DEFAULT_MODE = 0o644
_TMP = "/tmp"  # noqa: S108 (inside the container)


def import_files(
    container: Taker,
    pod: Taker,
    live: Live,
    names: SecretNames,
    report: Report,
    *,
    log_directory: str | None,
    read_only_root: bool,
) -> list[Row]:
    """Return the files of the form; a volume that it has no field for stops the import."""
    volumes = {volume.take("name"): volume for volume in pod.rows("volumes")}
    files: list[Row] = []
    for mount in container.rows("volumeMounts"):
        volume, place = volumes.get(mount.take("name")), str(mount.take("mountPath"))
        mount.drop("readOnly", equal=mount.take("readOnly"))
        if volume is None or mount.take("subPath") or mount.take("subPathExpr"):
            # Files are mounted as directories here: a single file would hide its neighbours in the image.
            report.add(Level.STOP, "mount_of_a_part", mount, place=place)
            continue
        empty = volume.take("emptyDir")
        if empty is not None:
            _empty(volume, empty, place, report, log_directory=log_directory, read_only_root=read_only_root)
        else:
            files += _files(volume, place, live, names, report)
        report.rest(mount)
    for volume in volumes.values():
        report.rest(volume)
    return files


def _empty(
    volume: Taker, empty: Row, place: str, report: Report, *, log_directory: str | None, read_only_root: bool
) -> None:
    if place == log_directory:
        if empty.get("sizeLimit") not in (None, LOG_SIZE_LIMIT):
            report.add(Level.CHANGED, "log_size", volume, size=empty["sizeLimit"], platform=LOG_SIZE_LIMIT)
    elif not (place == _TMP and read_only_root):
        # A directory of the image itself serves as well, unless it may not be written or lies in memory.
        level = Level.STOP if read_only_root or empty.get("medium") else Level.LOST
        report.add(level, "scratch_directory", volume, place=place)


def _files(volume: Taker, place: str, live: Live, names: SecretNames, report: Report) -> Iterator[Row]:
    """Yield the files that a volume puts at a place."""
    sources = [volume]
    if (projected := volume.part("projected")) and any(projected.left()):
        projected.drop("defaultMode", equal=_DEFAULT_MODE)
        sources = projected.rows("sources")
        report.rest(projected)
    for source in sources:
        known = False
        for kind, naming in (("configMap", "name"), ("secret", "name" if source is not volume else "secretName")):
            part = source.part(kind)
            name = part.take(naming)
            if name is None:
                continue
            known = True
            part.drop("defaultMode", equal=_DEFAULT_MODE)
            optional = part.take("optional", default=False)
            keys = _keys(kind, name, live)
            if keys is None:
                level = Level.LOST if optional else Level.STOP
                report.add(level, "reference_missing", volume, kind=kind, name=name)
                part.take("items")
                continue
            items = part.rows("items") or [Taker({"key": key, "path": key}, part.object) for key in sorted(keys)]
            yield from _rows(kind, name, items, place, live, names, report)
            report.rest(part)
        if not known:
            report.add(Level.STOP, "volume", volume, kinds=", ".join(str(path[0]) for path, _ in source.left()))
            for path, _value in list(source.left()):
                source.take(path[0])
        elif source is not volume:
            report.rest(source)


def _keys(kind: str, name: str, live: Live) -> frozenset[str] | None:
    if kind == "secret":
        return live.secret_keys.get(name)
    found = live.config_maps.get(name)
    return None if found is None else frozenset([*(found.get("data") or {}), *(found.get("binaryData") or {})])


def _rows(
    kind: str, name: str, items: list[Taker], place: str, live: Live, names: SecretNames, report: Report
) -> Iterator[Row]:
    for item in items:
        key, path = item.take("key"), str(PurePosixPath(place) / item.take("path"))
        report.rest(item)
        if kind == "secret":
            yield {"path": path, "secret": names.name(name, key)}
            continue
        text = (live.config_maps[name].get("data") or {}).get(key)
        if text is None:
            report.add(Level.STOP, "binary_file", item, place=path)
        else:
            yield {"path": path, "content": text}
