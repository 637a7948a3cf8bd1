"""Follow a container's log: asynchronous, as long as somebody reads, canceled by not reading on.

Only what the reader takes is read from the cluster: back-pressure reaches the kubelet over TCP. Watches are in
`watches`, commands in containers in `commands`.
https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#get-read-log-of-the-specified-pod
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from apps.integrations.connection import ClusterConnection

from .channels import Channel, lines_of
from .kinds import kind_of

LINE_LIMIT = 64 * 1024


@dataclass(frozen=True)
class LogLine:
    """A line and when the container wrote it; the later pieces of a very long line have no time."""

    at: datetime | None
    text: str


async def follow_logs(
    connection: ClusterConnection,
    namespace: str,
    pod: str,
    *,
    container: str = "",
    tail: int | None = None,
    since: datetime | None = None,
    follow: bool = True,
) -> AsyncGenerator[LogLine, None]:
    """Yield the lines of a container's present run as they come, from the last `tail` or from `since`; end with it.

    Who stops before the end does so within `contextlib.aclosing`, which closes the connection at once.
    The end says nothing about an exit code, and the next run is not followed: look at the pod, then follow again with
    `since` the last line's time.

    Raises:
        Missing: no such pod.
        Rejected: no such container, or it has not started (`message` says what it waits for).
        Unavailable: the connection was lost.
    """
    query: dict[str, Any] = {"timestamps": "true"}
    query |= {"follow": "true"} if follow else {}
    query |= {"container": container} if container else {}
    query |= {"tailLines": tail} if tail is not None else {}
    query |= {"sinceTime": since.isoformat().replace("+00:00", "Z")} if since else {}
    path = kind_of("Pod").path(namespace, pod, "log")
    async with (
        Channel(connection, read_seconds=None) as channel,
        channel.open(path, operation="follow log", query=query, headers={"Accept": "*/*"}) as response,
        aclosing(lines_of(response, LINE_LIMIT)) as lines,
    ):
        async for line in lines:
            yield parse_line(line)


def parse_line(line: bytes) -> LogLine:
    """Return a line of a log read with timestamps: an RFC 3339 time with nanoseconds, a space, the text."""
    text = line.decode(errors="replace").removesuffix("\r")
    stamp, _, rest = text.partition(" ")
    try:
        at = datetime.fromisoformat(stamp)
    except ValueError:
        return LogLine(None, text)
    return LogLine(at, rest) if at.tzinfo is not None else LogLine(None, text)
