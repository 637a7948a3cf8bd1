"""Logs, exec, attach and port-forward: the HTTP and WebSocket face of what the node does.

Exec frames are `v5.channel.k8s.io` or `v4.channel.k8s.io`: the first byte is the channel (0 stdin, 1 stdout, 2 stderr,
3 the final Status, 4 a resize; 255 closes a channel, v5 only).
https://kubernetes.io/docs/reference/using-api/api-concepts/ and KEP-4006
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from typing import Any, Protocol

import msgspec
from aiohttp import WSMsgType, web

from . import objects
from .routes import truth
from .status import ApiError, Cause, Invalid, bad_request
from .verbs import Call

Object = dict[str, Any]
PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
_CHUNK = 32768


class Execution(Protocol):
    """A command that runs in a container."""

    async def read_stdout(self) -> bytes:
        """Return the next output; empty at its end."""

    async def read_stderr(self) -> bytes:
        """Return the next error output; empty at its end."""

    async def write_stdin(self, content: bytes) -> None:
        """Send input."""

    async def close_stdin(self) -> None:
        """End the input."""

    async def resize(self, width: int, height: int) -> None:
        """Tell the terminal its size."""

    async def wait(self) -> int:
        """Return the exit code."""

    async def close(self) -> None:
        """Let go of the streams; the command goes on, as on a real node."""


class Node(Protocol):
    """What the kubelet does for this module."""

    def logs(
        self, pod: Object, container: str, *, follow: bool, previous: bool, tail_lines: int | None,
        since_seconds: int | None, since_time: str | None, timestamps: bool, limit_bytes: int | None,
    ) -> AsyncIterator[bytes]:  # fmt: skip
        """Yield a container's log."""

    async def exec(
        self, pod: Object, container: str, command: list[str], *, tty: bool, stdin: bool, stdout: bool, stderr: bool
    ) -> Execution:
        """Start a command in a container; raise OSError where it cannot be started."""

    async def dial(self, pod: Object, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect to a port of the pod; raise OSError where nobody listens."""


def choose_container(pod: Object, wanted: str) -> str:
    """Return the container to talk to: the named, the annotated or the only one.

    Raises:
        ApiError: 400 for an unknown one, or for none where there are several.
    """
    name, spec = pod["metadata"]["name"], pod["spec"]
    kinds = ("initContainers", "containers", "ephemeralContainers")
    known = [each["name"] for kind in kinds for each in spec.get(kind) or ()]
    if wanted:
        if wanted not in known:
            raise bad_request(f"container {wanted} is not valid for pod {name}")
        return wanted
    annotated = (pod["metadata"].get("annotations") or {}).get("kubectl.kubernetes.io/default-container")
    if annotated in known:
        return str(annotated)
    names = [each["name"] for each in spec["containers"]]
    if len(names) == 1:
        return str(names[0])
    init = [each["name"] for each in spec.get("initContainers") or ()]
    text = f"a container name must be specified for pod {name}, choose one of: [{' '.join(names)}]"
    raise bad_request(text + (f" or one of the init containers: [{' '.join(init)}]" if init else ""))


def _container_status(pod: Object, container: str) -> Object:
    status = pod.get("status") or {}
    for kind in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
        for each in status.get(kind) or ():
            if each["name"] == container:
                return dict(each)
    return {}


# Logs


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
    stream = node.logs(pod, container, **wanted)
    await response.prepare(call.request)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(cut_after):
            async for chunk in stream:
                await response.write(chunk)
    await response.write_eof()
    return response


def _check_log(pod: Object, container: str, *, previous: bool) -> None:
    name = pod["metadata"]["name"]
    status = _container_status(pod, container)
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


# Exec and attach


def _plain(status: int, text: str) -> web.Response:
    return web.Response(status=status, text=text, content_type="text/plain")


async def exec_or_attach(call: Call, node: Node | None) -> web.StreamResponse:
    """Run a command in a container over a WebSocket."""
    query = call.request.query
    pod = call.current()
    container = choose_container(pod, query.get("container", ""))
    if not pod["spec"].get("nodeName") or node is None:
        raise bad_request(f"pod {call.route.name} does not have a host assigned")
    streams = {name: truth(query.get(name)) for name in ("stdin", "stdout", "stderr")}
    if not any(streams.values()):
        return _plain(400, "you must specify at least 1 of stdin, stdout, stderr")
    if not (_container_status(pod, container).get("state") or {}).get("running"):
        return _plain(500, f'container not found ("{container}")')
    protocol = _agreed(call.request)
    if protocol is None:
        return web.Response(status=403)
    socket = web.WebSocketResponse(protocols=(protocol,), max_msg_size=0)
    await socket.prepare(call.request)
    with contextlib.suppress(ConnectionError):
        await socket.send_bytes(bytes([STDOUT]))
        tty = truth(query.get("tty"))
        command = query.getall("command", [])
        try:
            execution = await node.exec(pod, container, command, tty=tty, **streams)
        except OSError as exc:
            await _finish(socket, _start_failure(exc, protocol))
            return socket
        try:
            await _pump(socket, execution, command, protocol, **{**streams, "stderr": streams["stderr"] and not tty})
        finally:
            await execution.close()
    return socket


def _agreed(request: web.Request) -> str | None:
    offered = [each.strip() for each in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
    return next((each for each in offered if each in PROTOCOLS), None)


async def _pump(
    socket: web.WebSocketResponse, execution: Execution, command: list[str], protocol: str, *,
    stdin: bool, stdout: bool, stderr: bool,
) -> None:  # fmt: skip
    outputs = [
        asyncio.create_task(_forward(socket, channel, read if wanted else None, read))
        for channel, read, wanted in ((STDOUT, execution.read_stdout, stdout), (STDERR, execution.read_stderr, stderr))
    ]
    incoming = asyncio.create_task(_receive(socket, execution, stdin=stdin))
    waiting = asyncio.create_task(execution.wait())
    try:
        await asyncio.wait([waiting, incoming], return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done():
            return  # the client left; the command goes on
        await asyncio.gather(*outputs)
        await _finish(socket, _outcome(waiting.result(), command, protocol))
    finally:
        for task in (*outputs, incoming, waiting):
            task.cancel()
        await asyncio.gather(*outputs, incoming, waiting, return_exceptions=True)


async def _forward(
    socket: web.WebSocketResponse,
    channel: int,
    wanted: Callable[[], Coroutine[Any, Any, bytes]] | None,
    read: Callable[[], Coroutine[Any, Any, bytes]],
) -> None:
    """Pass output on; what nobody wants is read all the same, or the command would block."""
    while chunk := await read():
        if wanted is not None:
            for start in range(0, len(chunk), _CHUNK):
                await socket.send_bytes(bytes([channel]) + chunk[start : start + _CHUNK])


async def _receive(socket: web.WebSocketResponse, execution: Execution, *, stdin: bool) -> None:
    async for message in socket:
        if message.type not in (WSMsgType.BINARY, WSMsgType.TEXT):
            break
        content = message.data.encode() if message.type == WSMsgType.TEXT else message.data
        if not content:
            continue
        channel, payload = content[0], content[1:]
        with contextlib.suppress(BrokenPipeError, ConnectionError):
            if channel == STDIN and stdin and payload:
                await execution.write_stdin(payload)
            elif channel == CLOSE and payload[:1] == bytes([STDIN]):
                await execution.close_stdin()
            elif channel == RESIZE:
                with contextlib.suppress(msgspec.DecodeError):
                    size = msgspec.json.decode(payload)
                    await execution.resize(int(size.get("Width", 80)), int(size.get("Height", 24)))


def _outcome(code: int, command: list[str], protocol: str) -> Object:
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    told = f"command terminated with exit code {code}"
    if protocol == PROTOCOLS[1]:
        told = f"error executing command [{' '.join(command)}], exit code {code}"
    return {
        "metadata": {}, "status": "Failure",
        "message": f"command terminated with non-zero exit code: {told}",
        "reason": "NonZeroExitCode", "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }  # fmt: skip


def _start_failure(error: OSError, protocol: str) -> Object:
    told = f"error executing command in container: failed to exec in container: failed to start exec: {error}"
    if protocol == PROTOCOLS[0]:
        told = f"Internal error occurred: {told}"
    return {
        "metadata": {}, "status": "Failure", "message": f"Internal error occurred: {told}",
        "reason": "InternalError", "details": {"causes": [{"message": told}]}, "code": 500,
    }  # fmt: skip


async def _finish(socket: web.WebSocketResponse, status: Object) -> None:
    await socket.send_bytes(bytes([ERROR]) + msgspec.json.encode(status))
    await socket.close(code=1000)


# Port-forward


async def port_forward(call: Call, node: Node | None) -> web.StreamResponse:
    """Carry connections to a pod's ports over a WebSocket: two channels a port, data and error."""
    pod = call.current()
    ports = [int(port) for text in call.request.query.getall("ports", []) for port in text.split(",") if port.isdigit()]
    if not ports:
        raise bad_request('query parameter "ports" is required')
    if not pod["spec"].get("nodeName") or node is None:
        raise bad_request(f"pod {call.route.name} does not have a host assigned")
    if (pod.get("status") or {}).get("phase") != "Running":
        raise ApiError(
            500,
            None,
            f"unable to forward port because pod is not running. Current status={pod.get('status', {}).get('phase')}",
        )
    protocol = _agreed(call.request)
    if protocol is None:
        return web.Response(status=403)
    socket = web.WebSocketResponse(protocols=(protocol,), max_msg_size=0)
    await socket.prepare(call.request)
    for index, port in enumerate(ports):
        for channel in (2 * index, 2 * index + 1):
            await socket.send_bytes(bytes([channel]) + port.to_bytes(2, "little"))
    writers: dict[int, asyncio.StreamWriter] = {}
    tasks = []
    try:
        for index, port in enumerate(ports):
            try:
                reader, writers[2 * index] = await node.dial(pod, port)
            except OSError as exc:
                text = f"error forwarding port {port} to pod {pod['metadata']['uid']}: {exc}"
                await socket.send_bytes(bytes([2 * index + 1]) + text.encode())
                continue
            tasks.append(asyncio.create_task(_carry(socket, 2 * index, reader)))
        async for message in socket:
            if message.type == WSMsgType.BINARY and message.data and message.data[0] in writers:
                writer = writers[message.data[0]]
                writer.write(message.data[1:])
                await writer.drain()
    except ConnectionError:
        pass
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in writers.values():
            writer.close()
    return socket


async def _carry(socket: web.WebSocketResponse, channel: int, reader: asyncio.StreamReader) -> None:
    while chunk := await reader.read(_CHUNK):
        await socket.send_bytes(bytes([channel]) + chunk)
    await socket.close(code=1000)
