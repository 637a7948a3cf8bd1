"""Logs followed, watches and commands: over real sockets, cut, silent, canceled."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import websockets
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.server import ServerConnection, serve

from apps.integrations.connection import ClusterConnection
from apps.integrations.errors import Missing, Rejected, Unauthorized, Unavailable, Untrusted
from apps.integrations.kubernetes import streams, watches
from apps.integrations.kubernetes.client import KubernetesClient
from apps.integrations.kubernetes.commands import Channel, Exit, Output, parse_exit, run_command
from apps.integrations.kubernetes.streams import LogLine, follow_logs, parse_line
from apps.integrations.kubernetes.watches import Change, Snapshot, watch
from deploy.sandbox.common.authority import Authority
from tests.integrations.conftest import Sandbox

from .recordings import exchanges

Handler = Callable[[web.Request], Any]


@asynccontextmanager
async def api_server(handler: Handler) -> AsyncIterator[ClusterConnection]:
    application = web.Application()
    application.router.add_get("/{path:.*}", handler)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
    try:
        yield ClusterConnection("test", f"http://127.0.0.1:{port}", token="t")
    finally:
        await runner.cleanup()


async def follow(connection: ClusterConnection, **given: Any) -> list[LogLine]:
    return [line async for line in follow_logs(connection, "ns", "web", **given)]


# -- logs -------------------------------------------------------------------------------------------------------


async def test_lines_come_as_they_are_written_and_end_with_the_container() -> None:
    first_read = asyncio.Event()
    seen: dict[str, str] = {}

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.update(request.query, path=request.path, authorization=request.headers["Authorization"])
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"2026-01-01T00:00:01.123456789Z one\n2026-01-01T00:00:02Z t")
        await first_read.wait()
        await response.write("wö\n2026-01-01T00:00:03Z \nodd".encode())
        return response

    async with api_server(handler) as connection:
        lines = []
        async for line in follow_logs(connection, "ns", "web", container="app", tail=5):
            lines.append(line)
            first_read.set()
    assert [line.text for line in lines] == ["one", "twö", "", "odd"]
    assert lines[0].at == datetime(2026, 1, 1, 0, 0, 1, 123456, tzinfo=UTC)
    assert lines[3].at is None
    assert seen == {
        "path": "/api/v1/namespaces/ns/pods/web/log",
        "authorization": "Bearer t",
        "timestamps": "true",
        "follow": "true",
        "container": "app",
        "tailLines": "5",
    }


async def test_a_reader_that_stops_closes_the_connection() -> None:
    closed = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"2026-01-01T00:00:01Z tick\n")
                await asyncio.sleep(0.01)
        except (ConnectionError, asyncio.CancelledError):
            closed.set()
            raise

    async with api_server(handler) as connection:
        async with aclosing(follow_logs(connection, "ns", "web")) as lines:
            assert (await anext(lines)).text == "tick"
        await asyncio.wait_for(closed.wait(), 5)


async def test_a_very_long_line_comes_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "LINE_LIMIT", 32)

    async def handler(request: web.Request) -> web.Response:
        return web.Response(body=b"2026-01-01T00:00:01Z " + b"x" * 100 + b"\n")

    async with api_server(handler) as connection:
        lines = await follow(connection, follow=False)
    assert "".join(line.text for line in lines) == "x" * 100
    assert all(len(line.text) <= 32 for line in lines)
    assert [line.at is None for line in lines] == [False, True, True, True]


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (404, {"kind": "Status", "reason": "NotFound", "message": "no pod"}, Missing),
        (400, {"kind": "Status", "reason": "BadRequest", "message": "waiting to start: ContainerCreating"}, Rejected),
        (401, {"kind": "Status", "reason": "Unauthorized", "message": "Unauthorized"}, Unauthorized),
        (503, {}, Unavailable),
    ],
)
async def test_a_refused_log_says_why(status: int, body: Any, error: type[Exception]) -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.json_response(body, status=status)

    async with api_server(handler) as connection:
        with pytest.raises(error):
            await follow(connection)


async def test_a_pod_without_a_node_has_no_log_and_a_cut_one_is_told() -> None:
    async def empty(request: web.Request) -> web.Response:
        return web.Response(status=204)

    async with api_server(empty) as connection:
        assert await follow(connection) == []

    async def cut(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"2026-01-01T00:00:01Z one\n")
        assert request.transport is not None
        request.transport.abort()
        return response

    async with api_server(cut) as connection:
        with pytest.raises(Unavailable):
            await follow(connection)
    with pytest.raises(Unavailable):
        await follow(ClusterConnection("test", "https://127.0.0.1:1"))


def test_recorded_lines_keep_their_times() -> None:
    found = 0
    for exchange in exchanges("06-logs").values():
        if "timestamps=true" not in exchange["request"]["path"] or exchange["response"]["status"] != 200:
            continue
        rows = exchange["response"].get("stream") or []
        lines = [row["line"] for row in rows] or exchange["response"].get("bodyText", "").splitlines()
        for line in lines:
            parsed = parse_line(line.encode())
            assert parsed.at is not None
            assert line.endswith(parsed.text)
            found += 1
    assert found


@given(st.binary(max_size=60))
def test_any_bytes_are_a_line(line: bytes) -> None:
    assert isinstance(parse_line(line).text, str)


# -- watches ----------------------------------------------------------------------------------------------------


def config_map(name: str, namespace: str, value: str = "1") -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, "labels": {"app": "w"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"v": value}}


async def test_a_watch_begins_with_all_there_is_and_survives_being_cut(cluster_api: Sandbox) -> None:
    connection = cluster_api.cluster("north")
    client = KubernetesClient(connection)
    client.ensure_namespace("watched")
    client.apply(config_map("a", "watched"))
    async with asyncio.timeout(20), aclosing(watch(connection, "ConfigMap", "watched", labels="app=w")) as news:
        snapshot = await anext(news)
        assert isinstance(snapshot, Snapshot)
        assert [item["metadata"]["name"] for item in snapshot.items] == ["a"]
        await asyncio.to_thread(client.apply, config_map("b", "watched"))
        added = await anext(news)
        assert isinstance(added, Change)
        assert (added.type, added.object["metadata"]["name"]) == ("ADDED", "b")
        cluster_api.fault(kind="drop", server="north", method="GET", path="watched/configmaps.*watch", times=2)
        await asyncio.to_thread(client.apply, config_map("b", "watched", "2"))
        changed = await anext(news)
        assert isinstance(changed, Change)
        assert (changed.type, changed.object["data"]) == ("MODIFIED", {"v": "2"})
        await asyncio.to_thread(client.delete, "ConfigMap", "a", "watched")
        gone = await anext(news)
        assert isinstance(gone, Change)
        assert (gone.type, gone.object["metadata"]["name"]) == ("DELETED", "a")
    client.close()


async def test_a_forgotten_version_means_a_new_snapshot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watches, "FIRST_PAUSE", 0.01)
    asked: list[str] = []
    often_enough = asyncio.Event()
    expired = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}

    async def handler(request: web.Request) -> web.StreamResponse:
        version = request.query.get("resourceVersion", "")
        asked.append(version)
        if len(asked) == 6:
            often_enough.set()
        if "watch" not in request.query:
            return web.json_response({"metadata": {"resourceVersion": str(len(asked))}, "items": None})
        response = web.StreamResponse()
        await response.prepare(request)
        bookmark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "77"}}}
        if version == "1":
            await response.write(json.dumps(bookmark).encode() + b"\n")  # and the server ends the watch
        elif version == "77":
            await response.write(json.dumps({"type": "ERROR", "object": expired}).encode() + b"\n")
        else:
            await response.write(b'{"type": "ADDED", "obj')  # cut in the middle
        return response

    async with api_server(handler) as connection, asyncio.timeout(10), aclosing(watch(connection, "Pod")) as news:
        first, second = await anext(news), await anext(news)
        assert isinstance(first, Snapshot)
        assert isinstance(second, Snapshot)
        assert asked[:4] == ["", "1", "77", ""]
        following = asyncio.ensure_future(anext(news))
        await often_enough.wait()
        assert asked[4:6] == ["4", "4"]
        following.cancel()
        with pytest.raises(asyncio.CancelledError):
            await following


async def test_a_watch_without_rights_ends(cluster_api: Sandbox) -> None:
    with pytest.raises(Unauthorized):
        async with aclosing(watch(cluster_api.cluster("north", token="wrong"), "Pod")) as news:
            await anext(news)


# -- commands ---------------------------------------------------------------------------------------------------

NON_ZERO = {
    "status": "Failure",
    "reason": "NonZeroExitCode",
    "message": "command terminated with non-zero exit code",
    "details": {"causes": [{"reason": "ExitCode", "message": "7"}]},
}


@asynccontextmanager
async def container(
    handler: Callable[[ServerConnection], Any], authority: Authority | None = None
) -> AsyncIterator[ClusterConnection]:
    protocols = [websockets.Subprotocol("v5.channel.k8s.io")]
    tls = authority.server_context() if authority else None
    async with serve(handler, "127.0.0.1", 0, subprotocols=protocols, ssl=tls) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        url = f"{'https' if authority else 'http'}://127.0.0.1:{port}"
        yield ClusterConnection("test", url, token="t", ca_pem=authority.ca_pem if authority else "")


async def test_a_command_reads_and_writes_and_tells_its_exit_code() -> None:
    received: list[bytes] = []

    async def shell(socket: ServerConnection) -> None:
        assert socket.request is not None
        assert socket.request.path.startswith("/api/v1/namespaces/ns/pods/web/exec?command=sh&command=-c")
        assert "stderr" not in socket.request.path
        await socket.send(b"\x01")
        async for message in socket:
            assert isinstance(message, bytes)
            received.append(message)
            if message[0] == Channel.CLOSE:
                break
            if message[0] == Channel.STDIN:
                await socket.send(b"\x01" + message[1:].upper())
        await socket.send(b"\x02bad")
        await socket.send(b"\x03" + json.dumps(NON_ZERO).encode())

    async with (
        container(shell) as connection,
        run_command(connection, "ns", "web", ["sh", "-c", "x"], stdin=True, tty=True) as session,
    ):
        await session.resize(80, 24)
        await session.write(b"hello")
        await session.close_stdin()
        output = [each async for each in session]
    assert output == [Output(Channel.STDOUT, b"HELLO"), Output(Channel.STDERR, b"bad")]
    assert session.exit == Exit(7)
    assert received == [b'\x04{"Width":80,"Height":24}', b"\x00hello", b"\xff\x00"]


async def test_a_command_goes_over_tls_to_the_right_server_only(tmp_path: Path) -> None:
    async def shell(socket: ServerConnection) -> None:
        assert socket.request is not None
        assert socket.request.headers["Authorization"] == "Bearer t"
        await socket.send(b'\x03{"status":"Success"}')

    async with container(shell, Authority(tmp_path / "ca")) as connection:
        for trusted in (connection, replace(connection, tls_server_name="localhost")):
            async with run_command(trusted, "ns", "web", ["true"]) as session:
                assert [each async for each in session] == []
            assert session.exit == Exit(0)
        for stranger in (replace(connection, ca_pem=""), replace(connection, tls_server_name="other.example")):
            with pytest.raises(Untrusted):
                async with run_command(stranger, "ns", "web", ["true"]):
                    pass


async def test_a_connection_lost_in_the_middle_is_told() -> None:
    async def shell(socket: ServerConnection) -> None:
        await socket.send(b"\x01x")
        socket.transport.abort()

    async with container(shell) as connection, run_command(connection, "ns", "web", ["sh"]) as session:
        with pytest.raises(Unavailable):
            async for _ in session:
                pass


async def test_a_refused_command_says_why() -> None:
    async def refuse(request: web.Request) -> web.Response:
        forbidden = {
            "kind": "Status",
            "reason": "Forbidden",
            "message": 'pods "web" is forbidden: User "x" cannot create resource "pods/exec" in API group "" '
            'in the namespace "ns"',
        }
        return web.json_response(forbidden, status=403)

    async with api_server(refuse) as connection:
        with pytest.raises(Unauthorized):
            async with run_command(connection, "ns", "web", ["sh"]):
                pass
    with pytest.raises(Unavailable):
        async with run_command(ClusterConnection("test", "https://127.0.0.1:1"), "ns", "web", ["sh"]):
            pass


def test_recorded_exit_codes_are_read() -> None:
    found = set()
    for exchange in exchanges("07-exec").values():
        for frame in exchange["response"].get("frames") or []:
            if frame.get("channel") == 3 and frame.get("json"):
                found.add(parse_exit(json.dumps(frame["json"]).encode()).code)
    assert {0, 3} <= found
    assert None in found
    assert parse_exit(b"no json") == Exit(None, "no json")
