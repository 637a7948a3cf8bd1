"""The approved base images, made from nothing and put into Harbor's project `base` when the sandbox starts.

Each is one tiny real layer: accounts, a few folders and an init process. The userland itself is the machine's, which
the label says and `deploy.sandbox.isolation` provides: the images need no download and work wherever the sandbox does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from deploy.sandbox.isolation.spec import DEFAULT_PATH

from .oci import EPOCH_TEXT, Entry, canonical, digest_of, image_config, image_manifest, layer_bytes

PROJECT = "base"
BORROW_LABEL = "slipway.sandbox.borrow"
INIT = "/opt/slipway/my_init"
TOOLS = "/opt/slipway/bin"
_CONTENT = Path(__file__).parent / "content"
_VENDORED = Path(__file__).resolve().parents[2] / "local" / "vendor"
_PASSWD = (
    b"root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/home/app:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"
)
_GROUP = b"root:x:0:\napp:x:1000:\nnogroup:x:65534:\n"
_FOLDERS = (
    "app",
    "etc",
    "home",
    "home/app",
    "opt",
    "opt/slipway",
    "opt/slipway/bin",
    "root",
    "run",
    "srv",
    "usr",
    "var",
    "var/log",
)


@dataclass(frozen=True)
class BaseImage:
    """What makes one base image different from the others."""

    repository: str
    tag: str
    title: str
    purpose: str
    env: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    port: int | None = None
    extra: tuple[Entry, ...] = field(default=())

    def build(self) -> tuple[list[bytes], bytes]:
        """Return the blobs (layer and config) and the manifest."""
        descriptor, layer = layer_bytes([*_common(), *self.extra])
        labels = {
            BORROW_LABEL: "userland",
            "org.opencontainers.image.title": self.title,
            "org.opencontainers.image.description": self.purpose,
            "org.opencontainers.image.version": self.tag,
            "org.opencontainers.image.vendor": "Slipway sandbox",
        }
        settings = {
            "Env": [f"PATH={TOOLS}:{DEFAULT_PATH}", "LANG=C.UTF-8", *self.env],
            "Entrypoint": list(self.entrypoint),
            "Cmd": list(self.command),
            "WorkingDir": "/app",
            "ExposedPorts": {f"{self.port}/tcp": {}} if self.port else {},
            "Labels": labels,
            "StopSignal": "SIGTERM",
        }
        history = [{"created": EPOCH_TEXT, "created_by": f"slipway sandbox: {self.title} {self.tag}"}]
        config = canonical(image_config(settings, [descriptor.diff_id], history))
        return [layer, config], image_manifest(config, [descriptor])


class Catalog(Protocol):
    """What is asked of the registry's catalog."""

    def find_digest(self, repository: str, reference: str) -> str | None:
        """Return the digest that a tag names."""

    def push(self, repository: str, reference: str, blobs: list[bytes], manifest: bytes) -> str:
        """Store an image and return its digest."""


def base_images() -> list[BaseImage]:
    """Return all base images of the sandbox."""
    python_run = ("PYTHONUNBUFFERED=1", "PYTHONDONTWRITEBYTECODE=1")
    pip, pip_env = _pip()
    static = Entry.file("opt/slipway/bin/static_server", _CONTENT / "static_server.py", 0o755)
    return [
        BaseImage("base/clone", "1", "clone", "First stage: takes the source tree as it was checked out."),
        BaseImage(
            "base/python-compile", "3.11", "python-compile", "Compile stage for Python: tests, wheels, byte code.",
            env=("PIP_DISABLE_PIP_VERSION_CHECK=1", *pip_env), extra=pip,
        ),
        BaseImage(
            "base/python-run", "3.11", "python-run", "Run stage for Python: an init process and nothing to build with.",
            env=python_run, entrypoint=(INIT, "--"), port=8080,
        ),
        BaseImage("base/node-compile", "20", "node-compile", "Compile stage for Node.js (the machine's own node)."),
        BaseImage(
            "base/node-run", "20", "node-run", "Run stage for Node.js (the machine's own node).",
            env=("NODE_ENV=production",), entrypoint=(INIT, "--"), port=8080,
        ),
        BaseImage(
            "base/static", "1", "static", "Run stage for static sites: serves /srv.",
            env=("PYTHONUNBUFFERED=1",), entrypoint=(INIT, "--"), command=("static_server", "/srv"), port=8080,
            extra=(static,),
        ),
    ]  # fmt: skip


def ensure_base_images(catalog: Catalog) -> list[str]:
    """Put every base image that is missing or outdated into the registry and return what was pushed."""
    pushed = []
    for image in base_images():
        blobs, manifest = image.build()
        if catalog.find_digest(image.repository, image.tag) != digest_of(manifest):
            catalog.push(image.repository, image.tag, blobs, manifest)
            pushed.append(f"{image.repository}:{image.tag}")
    return pushed


def _common() -> list[Entry]:
    return [
        *(Entry.folder(path) for path in _FOLDERS),
        Entry.folder("tmp", 0o1777),
        Entry.file("etc/passwd", _PASSWD),
        Entry.file("etc/group", _GROUP),
        Entry.file("opt/slipway/my_init", _CONTENT / "my_init.py", 0o755),
    ]


def _pip() -> tuple[tuple[Entry, ...], tuple[str, ...]]:
    """Return what lets `pip` and `python3 -m pip` work in a compile stage: the wheel that is vendored for the set-up.

    The borrowed Python may have none (Debian splits it off).
    """
    wheels = sorted(_VENDORED.glob("pip-*.whl"))
    if not wheels:
        return (), ()
    wheel = f"opt/slipway/{wheels[-1].name}"
    script = f'#!/bin/sh\nexec python3 /{wheel}/pip "$@"\n'.encode()
    entries = (Entry.file(wheel, wheels[-1]), Entry.file("opt/slipway/bin/pip", script, 0o755))
    return entries, (f"PYTHONPATH=/{wheel}",)
