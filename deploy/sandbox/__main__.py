"""Start the sandbox: `python -m deploy.sandbox --state DIR [--clusters north,south]`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
from pathlib import Path

from .common.host import Host, Server

PREFERRED_PORTS = {"gitlab": 18443, "jenkins": 18444, "harbor": 18445, "control": 18449}


def servers(host: Host, clusters: list[str]) -> list[Server]:
    """Return the servers of a sandbox in the order in which they start."""
    from .gitlab.server import GitLab
    from .harbor.server import Harbor
    from .jenkins.server import Jenkins
    from .kubernetes.server import Cluster, Ingress

    context = host.context
    kubernetes: list[Server] = []
    for name in clusters:
        cluster = Cluster(context, name)
        kubernetes += [cluster, Ingress(context, cluster)]
    return [GitLab(context), Harbor(context), Jenkins(context), *kubernetes]


async def serve(state: Path, clusters: list[str]) -> None:
    """Serve until SIGTERM or SIGINT."""
    until = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, until.set)
    host = Host(state)
    preferred = dict(PREFERRED_PORTS)
    for index, name in enumerate(clusters):
        preferred |= {name: 16443 + index, f"{name}-ingress": 18080 + index}
    await host.run(servers(host, clusters), until, preferred)


def main() -> None:
    """Read the arguments and serve."""
    parser = argparse.ArgumentParser(prog="python -m deploy.sandbox", description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="folder for everything that must outlive a restart")
    parser.add_argument("--clusters", default="north,south", help="names of the Kubernetes clusters, comma separated")
    arguments = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(arguments.state.resolve(), arguments.clusters.split(",")))


if __name__ == "__main__":
    main()
