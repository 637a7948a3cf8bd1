"""The log subresource: its options, its refusals and its stream.

https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#get-read-log-of-the-specified-pod
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol

from aiohttp import web

from deploy.sandbox.kubernetes import objects
from deploy.sandbox.kubernetes.routes import truth
from deploy.sandbox.kubernetes.status import Cause, Invalid, bad_request
from deploy.sandbox.kubernetes.verbs import Call

from .containers import choose_container, container_status

Object = dict[str, Any]
_HEAD_START = 0.2  # how long a refusal may take before the answer begins


class Node(Protocol):
    """What the kubelet does for this module."""

    def logs(
        self, pod: Object, container: str, *, follow: bool, previous: bool, tail_lines: int | None,
        since_seconds: int | None, since_time: str | None, timestamps: bool, limit_bytes: int | None,
    ) -> AsyncIterator[bytes]:  # fmt: skip
        """Yield a container's log."""


def _log_options(name: str, query: Mapping[str, str]) -> Object:
    numbers: dict[str, int | None] = {}
    for field in ("tailLines", "sinceSeconds", "limitBytes"):
        try:
            numbers[field] = int(query[field]) if field in query else None
        except ValueError:
            raise bad_request(f'strconv.ParseInt: parsing "{query[field]}": invalid syntax') from None
    faults: list[Cause] = []
    for field, least, why in (("tailLines", 0, "must be greater than or equal to 0"),
                              ("limitBytes", 1, "must be greater than 0"),
                              ("sinceSeconds", 1, "must be greater than 0")):  # fmt: skip
        value = numbers[field]
        if value is not None and value < least:
            faults.append(Cause("FieldValueInvalid", f"Invalid value: {value}: {why}", field))
    if "sinceTime" in query and numbers["sinceSeconds"] is not None:
        why = "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified"
        faults.append(Cause("FieldValueForbidden", why, "[]"))
    if query.get("stream"):
        faults.append(Cause("FieldValueForbidden", "Forbidden: may not be specified", "stream"))
    if faults:
        raise Invalid("", "PodLogOptions", name, faults)
    if "sinceTime" in query:
        try:
            objects.parse_time(query["sinceTime"])
        except ValueError:
            raise bad_request(f'parsing time "{query["sinceTime"]}": cannot parse as RFC 3339') from None
    return {
        "follow": truth(query.get("follow")), "previous": truth(query.get("previous")),
        "timestamps": truth(query.get("timestamps")), "since_time": query.get("sinceTime"),
        "tail_lines": numbers["tailLines"], "since_seconds": numbers["sinceSeconds"],
        "limit_bytes": numbers["limitBytes"],
    }  # fmt: skip


async def logs(call: Call, node: Node | None, cut_after: float | None = None) -> web.StreamResponse:
    """Answer with a container's log, as plain text, to its end or for as long as it is followed."""
    query = call.request.query
    pod = call.current()
    wanted = _log_options(call.route.name, query)
    container = choose_container(pod, query.get("container", ""))
    if not pod["spec"].get("nodeName") or node is None:
        return web.Response(status=204)
    _check_log(pod, container, previous=wanted["previous"])
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    stream = aiter(node.logs(pod, container, **wanted))
    first = asyncio.ensure_future(anext(stream, b""))
    try:
        await asyncio.wait([first], timeout=_HEAD_START)
        if first.done():
            first.result()  # the node's refusal comes before the answer begins
        await response.prepare(call.request)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(cut_after):
                await response.write(await first)
                async for chunk in stream:
                    await response.write(chunk)
    finally:
        first.cancel()
    await response.write_eof()
    return response


def _check_log(pod: Object, container: str, *, previous: bool) -> None:
    name = pod["metadata"]["name"]
    status = container_status(pod, container)
    ended_before = (status.get("lastState") or {}).get("terminated")
    if previous and not ended_before:
        raise bad_request(f'previous terminated container "{container}" in pod "{name}" not found')
    state = status.get("state") or {}
    if state.get("running") or state.get("terminated") or ended_before:
        return
    reason = (state.get("waiting") or {}).get("reason") or "ContainerCreating"
    if reason in ("ErrImagePull", "ImagePullBackOff"):
        reason = "trying and failing to pull image" if reason == "ErrImagePull" else "image can't be pulled"
    raise bad_request(f'container "{container}" in pod "{name}" is waiting to start: {reason}')
