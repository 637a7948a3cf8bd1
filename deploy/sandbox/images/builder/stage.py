"""One stage of a build: an unpacked root, and what its instructions make of it.

COPY, ADD, RUN and WORKDIR change the root; each such step has a key (its parent's key and all that its result depends
on) under which the layer cache may know its result already. Everything else changes the configuration only.
"""

from __future__ import annotations

import asyncio
import os
import platform
import posixpath
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.sandbox.images.base import BORROW_LABEL
from deploy.sandbox.images.oci import EPOCH, EPOCH_TEXT
from deploy.sandbox.images.storage import Storage
from deploy.sandbox.images.unpack import unpack_layer
from deploy.sandbox.isolation import MOUNT_POINTS, Bind, Spec, own, spawn

from . import copying, words
from .cache import LayerCache, chain
from .changes import Snapshot, between, settle, snapshot
from .configuration import Configuration
from .dockerfile import Instruction
from .errors import BuildError
from .output import say

PROXIES = tuple(
    name for kind in ("http", "https", "ftp", "no", "all") for name in (f"{kind}_proxy", f"{kind.upper()}_PROXY")
)
BORROWED = tuple(path for path in MOUNT_POINTS if path.split("/")[1] != "etc" and path.split("/")[1] != "tmp")
TERM_GRACE_SECONDS = 5


@dataclass
class Variables:
    """The ARGs of a stage. `given` are the command line's, `outer` those before the first FROM."""

    given: dict[str, str]
    outer: dict[str, str]
    declared: dict[str, str] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)

    def declare(self, text: str, known: dict[str, str]) -> None:
        """Apply `ARG name` or `ARG name=default` (several on a line are allowed)."""
        for word in words.split(text, known):
            name, separator, default = word.partition("=")
            if name in self.given:
                self.used.add(name)
                self.declared[name] = self.given[name]
            elif separator:
                self.declared[name] = default
            elif name in self.outer:
                self.declared[name] = self.outer[name]


class StageBuild:
    """The work on one stage."""

    def __init__(
        self, root: Path, key: str, config: dict[str, Any], variables: Variables, *, storage: Storage, cache: LayerCache
    ) -> None:
        self.root = root
        self.key = key
        self.configuration = Configuration(config)
        self.history: list[dict[str, Any]] = []
        self.base: Snapshot = snapshot(root)
        self.now: Snapshot = self.base
        self._variables = variables
        self._storage = storage
        self._cache = cache

    async def apply(self, instruction: Instruction, sources: Callable[[Instruction], copying.Source]) -> None:
        """Do one instruction; `sources` finds where a COPY copies from.

        Raises:
            BuildError: with the instruction's line.
        """
        try:
            if instruction.name == "ARG":
                self._variables.declare(instruction.value, self._known())
            elif instruction.name == "HEALTHCHECK":
                say("--> HEALTHCHECK is not part of OCI images and is left out; use probes")
            elif instruction.name == "RUN":
                await self._run(instruction)
            elif instruction.name in ("COPY", "ADD"):
                await self._copy(instruction, sources(instruction))
            else:
                self.configuration.apply(instruction, self._known())
            if instruction.name == "WORKDIR":
                await self._make_working_folder(instruction)
        except words.WordsError as exc:
            raise BuildError(f"{instruction.name}: {exc}", line=instruction.line) from exc
        except BuildError as exc:
            raise BuildError(exc.message, line=exc.line or instruction.line, code=exc.code) from exc
        self.key = chain(self.key, str(instruction))
        self.history.append({"created": EPOCH_TEXT, "created_by": str(instruction), "empty_layer": True})

    def changes(self) -> list[Any]:
        """Return the entries of the one layer that the whole stage amounts to."""
        return between(self.base, self.now, self.root)

    def _known(self) -> dict[str, str]:
        return {**self._variables.declared, **self.configuration.env}  # ENV wins over ARG

    async def _step(self, parts: list[Any], action: Callable[[], Awaitable[None]]) -> None:
        """Do what changes the root, or apply what it changed in an earlier build."""
        key = chain(self.key, *parts)
        cached = self._cache.find(key)
        if cached is not None:
            descriptor, layer = cached
            say(f"--> Using cache {descriptor.digest}")
            unpack_layer(layer, self.root, descriptor.diff_id)
        else:
            before = self.now
            await action()
            entries = between(before, snapshot(self.root), self.root)
            settle(entries, self.root)
            self._cache.keep(key, entries)
        self.now = snapshot(self.root)
        self.key = key

    async def _run(self, instruction: Instruction) -> None:
        arguments = self.configuration.command_line(instruction.value)
        binds = [self._cache_mount(text) for text in instruction.options.get("mount", [])]
        unknown = set(instruction.options) - {"mount"}
        if unknown:
            raise BuildError(f"RUN --{min(unknown)} is not supported by the sandbox's builder")
        # The userland is borrowed, so what a command makes depends on this machine's, too.
        parts = ["RUN", arguments, self._known(), self.configuration.working_folder, platform.python_version()]
        await self._step(parts, lambda: self._execute(arguments, binds))

    async def _execute(self, arguments: list[str], binds: list[Bind]) -> None:
        proxies = {name: os.environ[name] for name in PROXIES if name in os.environ}
        # Python writes byte code that depends on content and not on time when it sees SOURCE_DATE_EPOCH.
        env = {"HOME": "/root", **proxies, "SOURCE_DATE_EPOCH": str(EPOCH), "PYTHONHASHSEED": "0", **self._known()}
        spec = Spec(
            root=str(self.root), argv=arguments, env=env, cwd=self.configuration.working_folder, binds=binds,
            hostname="build", userland=self.configuration.labels.get(BORROW_LABEL) == "userland",
        )  # fmt: skip
        process = await spawn(spec, stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.STDOUT)
        try:
            code = await process.wait()
        except asyncio.CancelledError:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), TERM_GRACE_SECONDS)
            except TimeoutError:
                process.kill()
            raise
        if code:
            raise BuildError(f"RUN exited with {code}", code=code if 0 < code < 256 else 1)

    def _cache_mount(self, text: str) -> Bind:
        """Return the bind for `--mount=type=cache,target=…`, a folder that is kept from build to build."""
        settings = dict(part.partition("=")[::2] for part in text.split(","))
        target = settings.get("target") or settings.get("dst") or settings.get("destination")
        if settings.get("type") != "cache" or not target:
            raise BuildError(f"RUN --mount={text}: the sandbox's builder knows type=cache with a target only")
        folder = self._storage.root / "mounts" / chain("mount", settings.get("id") or target)[:32]
        folder.mkdir(parents=True, exist_ok=True)
        own(folder)
        return Bind(str(folder), target)

    async def _copy(self, instruction: Instruction, source: copying.Source) -> None:
        unknown = set(instruction.options) - {"from", "chown", "chmod", "link"}
        if unknown:
            raise BuildError(f"{instruction.name} --{min(unknown)} is not supported by the sandbox's builder")
        *patterns, destination = words.exec_form(instruction.value) or words.split(instruction.value, self._known())
        if not patterns:
            raise BuildError(f"{instruction.name} requires at least two arguments: source and destination")
        copied = copying.plan(source, patterns, destination, self.configuration.working_folder)
        for item in copied:
            self._refuse_borrowed(item.target)
        mode = instruction.options.get("chmod", [""])[-1]
        if mode and not mode.isdecimal():
            raise BuildError(f"--chmod={mode} is no octal number")

        async def perform() -> None:
            copying.perform(copied, self.root, int(mode, 8) if mode else None)

        await self._step([instruction.name, mode, copying.fingerprint(copied)], perform)

    async def _make_working_folder(self, instruction: Instruction) -> None:
        folder = self.configuration.working_folder
        self._refuse_borrowed(folder)

        async def perform() -> None:
            copying.make_folder(self.root, folder)

        if folder.lstrip("/") not in self.now and folder != "/":
            await self._step([instruction.name, folder], perform)

    def _refuse_borrowed(self, path: str) -> None:
        """Refuse to write where the machine's own userland will be mounted: nobody would ever see it."""
        if self.configuration.labels.get(BORROW_LABEL) != "userland":
            return
        for place in BORROWED:
            if posixpath.commonpath([place, path]) == place:
                raise BuildError(
                    f"{path} lies in {place}, which this base image borrows from the machine; use another folder"
                )
