"""A sandbox of Harbor, one cluster and its Ingress, in a process that can be killed: `python -m tests.sandbox.node.serve STATE`."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from deploy.sandbox.common.host import Context, Host, Server
from deploy.sandbox.harbor.server import Harbor
from deploy.sandbox.kubernetes.ingress import Ingress
from deploy.sandbox.kubernetes.server import Cluster


def servers(context: Context) -> list[Server]:
    """Return the servers in the order in which they start."""
    cluster = Cluster(context, "north")
    return [Harbor(context), cluster, Ingress(context, cluster)]


async def serve(state: Path) -> None:
    """Serve until SIGTERM."""
    host, until = Host(state), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, until.set)
    await host.run(servers(host.context), until)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
