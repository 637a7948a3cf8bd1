"""Exec and attach: the recorded frames are sent, and what comes back is compared channel by channel."""

from __future__ import annotations

import json
import ssl
import time
from typing import Any

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from tests.sandbox.kubernetes.client import Client

from .shapes import differences, shape

Object = dict[str, Any]
_ENOUGH = 5.0  # seconds; after this the recorder, too, had left a command that does not end
_FREE = ("tick", "PID", "ready", "which", "characters)")  # output of programs that are others here


def speak(client: Client, path: str, headers: dict[str, str], recorded: Object) -> Object:
    """Open the stream, send what the recorder sent, and return what came: status, body, frames."""
    offered = headers.get("Sec-WebSocket-Protocol", "")
    protocols = [each.strip() for each in offered.split(",") if each.strip()]
    credentials = {"Authorization": f"Bearer {client.token}"} if client.token else {}
    try:
        socket = connect(
            client.server.replace("https", "wss") + path, ssl=ssl.create_default_context(cafile=client.ca),
            additional_headers=credentials, subprotocols=protocols or None, open_timeout=10, max_size=None,  # type: ignore[arg-type]
        )  # fmt: skip
    except InvalidStatus as refusal:
        return {"status": refusal.response.status_code, "body": refusal.response.body.decode()}
    found: Object = {"status": 101, "subprotocol": socket.subprotocol, "output": {}, "close": None}
    with socket:
        for frame in recorded["response"].get("frames", ()):
            if frame.get("dir") == "send" and "channel" in frame:
                time.sleep(0.2)
                socket.send(bytes([frame["channel"]]) + _payload(frame))
        deadline = time.monotonic() + _ENOUGH
        try:
            while time.monotonic() < deadline:
                message = socket.recv(timeout=max(deadline - time.monotonic(), 0.01))
                assert isinstance(message, bytes)
                found["output"].setdefault(message[0], b"")
                found["output"][message[0]] += message[1:]
        except TimeoutError:
            pass
        except ConnectionClosed as closed:
            found["close"] = closed.rcvd.code if closed.rcvd is not None else None
    return found


def _payload(frame: Object) -> bytes:
    if frame["channel"] == 255:
        return bytes(frame["bytes"])
    text: str = frame.get("text", "")
    return text.encode()


def compare(recorded: Object, ours: Object) -> list[str]:
    """Return how our answer differs, one line each."""
    real = recorded["response"]
    if real["status"] != ours["status"]:
        return [f"status {real['status']}, ours {ours['status']}: {ours.get('body')}"]
    if "frames" not in real:
        body = real.get("body", real.get("bodyText", ""))
        return differences(shape(body), shape(_parsed(ours["body"])))
    found = []
    if real.get("subprotocol") != ours["subprotocol"]:
        found.append(f"subprotocol {real.get('subprotocol')}, ours {ours['subprotocol']}")
    output: dict[int, str] = {}
    for frame in real["frames"]:
        if frame["dir"] == "recv" and "channel" in frame:
            output[frame["channel"]] = output.get(frame["channel"], "") + frame.get("text", "")
    if set(output) != set(ours["output"]):
        found.append(f"channels {output}, ours {ours['output']}")
    status = ours["output"].get(3)
    if 3 in output and status is not None:
        found += differences(shape(_parsed(output[3])), shape(_parsed(status.decode())))
    if "tty=true" not in recorded["request"]["path"] and not any(word in str(output) for word in _FREE):
        for channel in (1, 2):
            if output.get(channel, "") != (told := ours["output"].get(channel, b"").decode()):
                found.append(f"channel {channel}: {output.get(channel)!r}, ours {told!r}")
    return found


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
