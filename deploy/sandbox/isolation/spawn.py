"""Start the launcher from an asyncio process.

The launcher is a process of its own, because making namespaces needs a process with one thread, and the sandbox has more.
"""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

from .probe import probe
from .spec import Spec

PIPE = asyncio.subprocess.PIPE
PROJECT = Path(__file__).resolve().parents[3]
LAUNCHER = (sys.executable, "-S", "-m", "deploy.sandbox.isolation")


async def spawn(spec: Spec, *, stdin: int | IO[Any] | None = None, stdout: int | IO[Any] | None = None,
                stderr: int | IO[Any] | None = None) -> asyncio.subprocess.Process:  # fmt: skip
    """Start the process of `spec` in the best mode of this machine.

    SIGTERM to the returned process ends the whole container; its return code is the command's, 128+n for a signal, 127 where
    the program is missing (with the reason on standard error).
    """
    descriptor = os.memfd_create("isolation")
    try:
        os.write(descriptor, replace(spec, root=str(Path(spec.root).resolve()), mode=probe().mode).to_json())
        os.lseek(descriptor, 0, os.SEEK_SET)
        return await asyncio.create_subprocess_exec(
            *LAUNCHER, str(descriptor), stdin=stdin, stdout=stdout, stderr=stderr, pass_fds=(descriptor,),
            env={"PYTHONPATH": str(PROJECT), "PYTHONDONTWRITEBYTECODE": "1", "PATH": os.defpath}, start_new_session=True,
        )  # fmt: skip
    finally:
        os.close(descriptor)


async def run(spec: Spec, *, timeout: float | None = None) -> tuple[int, bytes]:
    """Run the process of `spec` to its end and return its exit code and its output (both streams together).

    Raises:
        TimeoutError: it was still running after `timeout` seconds; it has been killed.
    """
    process = await spawn(spec, stdin=asyncio.subprocess.DEVNULL, stdout=PIPE, stderr=asyncio.subprocess.STDOUT)
    try:
        output, _ = await asyncio.wait_for(process.communicate(), timeout)
    except (TimeoutError, asyncio.CancelledError):
        if process.returncode is None:
            process.kill()
            await process.wait()
        raise
    assert process.returncode is not None
    return process.returncode, output
