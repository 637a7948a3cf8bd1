"""Containers for debugging, added to a running pod through a door of their own; they can be neither changed nor removed.

https://kubernetes.io/docs/concepts/workloads/pods/ephemeral-containers/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiohttp import web

from . import decoding, options, patches
from .apply import apply, node_of
from .status import ApiError, Cause, Invalid
from .store import Writer
from .verbs import Call, read_body

Object = dict[str, Any]
_FIELD = "spec.ephemeralContainers"
_DEFAULTS: Object = {
    "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File", "imagePullPolicy": "IfNotPresent",
}  # fmt: skip
_NOT_FOR_THEM = ("ports", "livenessProbe", "readinessProbe", "startupProbe", "lifecycle", "resources")


async def ephemeral_containers(call: Call) -> web.Response:
    """Read a pod, or add containers for debugging to it."""
    pod = call.current()
    if call.route.verb == "get":
        return call.respond(pod)
    writer = Writer(call.manager(), call.route.subresource)
    if call.route.verb == "update":
        options.check(call.request.query, "UpdateOptions")
        body = await read_body(call.request)
        wanted, call.warnings = decoding.decode(
            call.resource, body, call.request.headers.get("Content-Type", ""), "Ignore"
        )
    else:
        wanted, writer = await _patched(call, pod, writer)
    before = pod["spec"].get("ephemeralContainers") or []
    after = [{**_DEFAULTS, **each} for each in (wanted.get("spec") or {}).get("ephemeralContainers") or ()]
    faults = [*_change_faults(before, after), *_faults(pod, after)]
    if faults:
        raise Invalid("", "Pod", call.route.name, faults)
    pod["spec"]["ephemeralContainers"] = [{"resources": {}, **each} for each in after]
    if writer.applied:
        pod["metadata"]["managedFields"] = wanted["metadata"]["managedFields"]
    kept = call.store.update("pods", pod, writer=writer, dry_run=call.dry_run)
    call.note("debug", "unchanged" if len(before) == len(after) else "changed")
    return call.respond(kept)


async def _patched(call: Call, pod: Object, writer: Writer) -> tuple[Object, Writer]:
    """Return the pod as a patch or an apply wants it, and who writes."""
    query = call.request.query
    kind = decoding.media_type(call.request.headers.get("Content-Type", ""))
    if kind not in (patches.APPLY, patches.MERGE, patches.STRATEGIC, patches.JSON_PATCH):
        raise ApiError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})
    validation = options.check(query, "PatchOptions", apply=kind == patches.APPLY)
    body = await read_body(call.request)
    if kind != patches.APPLY:
        patched = patches.apply_patch(kind, node_of(call.resource), pod, body)
        wanted, call.warnings = decoding.checked(call.resource, patched, validation, [])
        return wanted, writer
    config, call.warnings = decoding.decode_apply(call.resource, body, validation)
    force = query.get("force") == "true"
    wanted = apply(call.resource, pod, config, writer.manager, force=force, subresource=writer.subresource)
    return wanted, Writer(writer.manager, writer.subresource, applied=True)


def _change_faults(before: list[Object], after: list[Object]) -> Iterator[Cause]:
    by_name = {each.get("name"): each for each in after}
    for each in before:
        found = by_name.get(each["name"])
        if found is None or {"resources": {}, **found} != each:
            what = "removed" if found is None else "changed"
            why = f'Forbidden: existing ephemeral containers "{each["name"]}" may not be {what}\n'
            yield Cause("FieldValueForbidden", why, _FIELD)


def _faults(pod: Object, containers: list[Object]) -> Iterator[Cause]:
    spec = pod["spec"]
    names = {each["name"] for kind in ("containers", "initContainers") for each in spec.get(kind) or ()}
    taken = set(names)
    for index, each in enumerate(containers):
        where, name, target = f"{_FIELD}[{index}]", each.get("name", ""), each.get("targetContainerName", "")
        if not name or not each.get("image"):
            yield Cause("FieldValueRequired", "Required value", f"{where}.{'image' if name else 'name'}")
        elif name in taken:
            yield Cause("FieldValueDuplicate", f'Duplicate value: "{name}"', f"{where}.name")
        taken.add(name)
        if target and target not in names:
            yield Cause("FieldValueNotFound", f'Not found: "{target}"', f"{where}.targetContainerName")
        for field in _NOT_FOR_THEM:
            if each.get(field):
                yield Cause(
                    "FieldValueForbidden", "Forbidden: cannot be set for an Ephemeral Container", f"{where}.{field}"
                )
