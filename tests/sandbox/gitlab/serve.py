"""Serve a sandbox of GitLab alone, until SIGTERM: `python -m tests.sandbox.gitlab.serve STATE`."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from deploy.sandbox.common.host import Host
from deploy.sandbox.gitlab.server import GitLab


async def main() -> None:
    until = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, until.set)
    host = Host(Path(sys.argv[1]))
    await host.run([GitLab(host.context)], until)


if __name__ == "__main__":
    asyncio.run(main())
