"""Find out what this machine allows, by really doing it once."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .spec import Mode, Spec, own

_PROJECT = Path(__file__).resolve().parents[3]
_WORDS = {
    Mode.ROOT: "pods and builds run as unprivileged users in namespaces of their own",
    Mode.USER: "pods and builds run in user namespaces",
    Mode.NONE: "no isolation: this machine refuses namespaces, so pods and builds run as your user with your files in reach",
}


@dataclass(frozen=True)
class Capability:
    """What works here. `network` is whether a pod can have a network namespace of its own."""

    mode: Mode
    network: bool

    @property
    def sentence(self) -> str:
        """Return one sentence for people (`./slipway check`)."""
        network = (
            "each pod has a network of its own"
            if self.network
            else "pods share the machine's network by loopback addresses"
        )
        return f"{_WORDS[self.mode]}; {network}"


@functools.cache
def probe() -> Capability:
    """Return what works here; tried once a process. `SLIPWAY_SANDBOX_ISOLATION` (root, user, none) narrows the choice."""
    wanted = os.environ.get("SLIPWAY_SANDBOX_ISOLATION")
    modes = [Mode(wanted)] if wanted else ([Mode.ROOT] if os.geteuid() == 0 else []) + [Mode.USER]
    for mode in modes:
        if mode is Mode.NONE:
            break
        for network in (True, False):
            if _works(mode, new_network=network):
                return Capability(mode, network)
    return Capability(Mode.NONE, network=False)


def _works(mode: Mode, *, new_network: bool) -> bool:
    with tempfile.TemporaryDirectory(prefix="slipway-probe-") as folder:
        own(folder)
        spec = Spec(
            root=folder,
            argv=["/usr/bin/env", "true"],
            env={"PATH": "/usr/bin:/bin"},
            mode=mode,
            new_network=new_network,
        )
        descriptor = os.memfd_create("probe")
        try:
            os.write(descriptor, spec.to_json())
            os.lseek(descriptor, 0, os.SEEK_SET)
            done = subprocess.run(
                [sys.executable, "-S", "-m", "deploy.sandbox.isolation", str(descriptor)], pass_fds=(descriptor,), check=False,
                env={"PYTHONPATH": str(_PROJECT), "PATH": os.defpath}, timeout=20, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=None if os.environ.get("SLIPWAY_SANDBOX_DEBUG") else subprocess.DEVNULL,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return False
        finally:
            os.close(descriptor)
        return done.returncode == 0
