"""A whole build: the stages that the target needs, in order, and the image at the end.

Flow: parse -> pull or find each base -> unpack it -> apply the instructions -> one layer with everything that the last
stage did on top of its base -> config and manifest into the storage under the tag.
"""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.sandbox.images.oci import EPOCH_TEXT, canonical, image_config, image_manifest
from deploy.sandbox.images.reference import InvalidReferenceError, Reference
from deploy.sandbox.images.storage import Storage, StoredImage
from deploy.sandbox.images.transfer import Remote, TransferError, credentials_for
from deploy.sandbox.images.unpack import BadLayerError, copy_command, unpack_layer
from deploy.sandbox.isolation import own

from . import words
from .cache import LayerCache, chain
from .copying import Source
from .dockerfile import Dockerfile, Instruction, Stage, parse
from .errors import BuildError
from .ignore import Ignore
from .output import say
from .stage import PROXIES, StageBuild, Variables

SCRATCH = "scratch"


@dataclass
class Options:
    """What the command line said."""

    context: Path
    dockerfile: Path
    tag: str
    target: str | None = None
    arguments: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    created: str = EPOCH_TEXT
    tls: ssl.SSLContext = field(default_factory=ssl.create_default_context)
    auth_file: Path | None = None
    credentials: tuple[str, str] | None = None
    default_registry: str | None = None


class Build:
    """One build."""

    def __init__(self, options: Options, storage: Storage, cache: LayerCache) -> None:
        self._options = options
        self._storage = storage
        self._cache = cache
        self._done: dict[int, StageBuild] = {}
        self._pulled: dict[str, StoredImage] = {}
        self._roots: dict[str, Path] = {}  # of images that a COPY copies from
        self._used: set[str] = set(PROXIES)
        self._file: Dockerfile
        self._work: Path

    async def run(self) -> StoredImage:
        """Build the image and return it.

        Raises:
            BuildError: the Dockerfile, its inputs or one of its commands is at fault.
        """
        try:
            text = self._options.dockerfile.read_text()
        except OSError as exc:
            raise BuildError(f"cannot read the Dockerfile: {exc}") from exc
        self._file = parse(text, self._options.arguments)
        self._work = Path(tempfile.mkdtemp(prefix="build-", dir=self._storage.work))
        self._work.chmod(0o755)
        try:
            target = self._target()
            needed = self._needed(target)
            for position, stage in enumerate(needed, 1):
                await self._build_stage(stage, f"[{position}/{len(needed)}] " if len(needed) > 1 else "")
            self._cache.prune()
            self._storage.prune()
            return self._commit(target)
        finally:
            _remove(self._work)

    def _target(self) -> Stage:
        if self._options.target is None:
            return self._file.stages[-1]
        stage = self._file.stage(self._options.target)
        if stage is None:
            raise BuildError(f"target stage {self._options.target!r} could not be found")
        return stage

    def _needed(self, target: Stage) -> list[Stage]:
        """Return the stages that the target is made from, itself included, in the order of the file."""
        needed: dict[int, Stage] = {}
        pending = [target]
        while pending:
            stage = pending.pop()
            needed[stage.index] = stage
            names = [stage.image]
            names += [name for item in stage.instructions for name in item.options.get("from", [])]
            earlier = [self._earlier(stage, name) for name in names]
            pending += [found for found in earlier if found is not None and found.index not in needed]
        return [needed[index] for index in sorted(needed)]

    def _earlier(self, stage: Stage, name: str) -> Stage | None:
        """Return the stage before this one that a FROM or --from means, None where it means an image."""
        return Dockerfile(self._file.stages[: stage.index], {}).stage(name)

    async def _build_stage(self, stage: Stage, prefix: str) -> None:
        total = len(stage.instructions) + 1
        name = f" AS {stage.name}" if stage.name else ""
        say(f"{prefix}STEP 1/{total}: FROM {stage.image}{name}")
        root, key, config = self._start(stage)
        variables = Variables(self._options.arguments, self._file.arguments)
        work = StageBuild(root, key, config, variables, storage=self._storage, cache=self._cache)
        for number, instruction in enumerate(stage.instructions, 2):
            say(f"{prefix}STEP {number}/{total}: {instruction}")
            await work.apply(instruction, lambda item: self._source(stage, item))
        self._used |= variables.used
        self._done[stage.index] = work

    def _start(self, stage: Stage) -> tuple[Path, str, dict[str, Any]]:
        """Return a fresh root for a stage, the key of what is in it, and the configuration to go on from."""
        root = self._work / f"stage-{stage.index}"
        root.mkdir(mode=0o755)
        root.chmod(0o755)
        own(root)
        parent = self._earlier(stage, stage.image)
        if parent is not None:
            done = self._done[parent.index]
            subprocess.run(copy_command(done.root, root), check=True)
            return root, done.key, done.configuration.as_json()
        if stage.image == SCRATCH:
            return root, chain(SCRATCH), {}
        image = self._pull(stage.image, stage.line)
        self._unpack(image, root)
        return root, chain(image.digest), image.config.get("config") or {}

    def _source(self, stage: Stage, instruction: Instruction) -> Source:
        """Return where a COPY copies from: the context, an earlier stage, or another image."""
        wanted = instruction.options.get("from")
        if not wanted:
            return Source(self._options.context, Ignore.read(self._options.context))
        name = words.replace(wanted[-1], self._file.arguments)
        parent = self._earlier(stage, name)
        if parent is not None:
            return Source(self._done[parent.index].root)
        if name not in self._roots:
            root = self._work / f"image-{len(self._roots)}"
            root.mkdir(mode=0o755)
            self._unpack(self._pull(name, instruction.line), root)
            self._roots[name] = root
        return Source(self._roots[name])

    def _pull(self, name: str, line: int) -> StoredImage:
        """Bring an image here. The registry is always asked what the tag means now; known blobs are not sent again."""
        if name in self._pulled:
            return self._pulled[name]
        options = self._options
        try:
            reference = Reference.parse(name)
            if options.default_registry and not name.startswith(reference.registry):
                reference = Reference.parse(f"{options.default_registry}/{name}")
            credentials = options.credentials or credentials_for(reference.registry, options.auth_file)
            with Remote(reference.registry, reference.repository, options.tls, credentials) as remote:
                self._pulled[name] = fetch(remote, reference, self._storage)
        except (InvalidReferenceError, TransferError) as exc:
            raise BuildError(f"cannot get the image {name}: {exc}", line=line) from exc
        return self._pulled[name]

    def _unpack(self, image: StoredImage, root: Path) -> None:
        try:
            for layer in image.layers:
                unpack_layer(self._storage.path(layer.digest), root, layer.diff_id)
        except BadLayerError as exc:
            raise BuildError(f"{image.name}: {exc}") from exc

    def _commit(self, target: Stage) -> StoredImage:
        """Write the image: the base's layers and one of ours, if anything changed."""
        work = self._done[target.index]
        layers, history, origins = self._below(target)
        steps = [dict(item) for item in work.history]
        changes = work.changes()
        if changes:
            descriptor = self._storage.add_layer(changes)
            layers.append(descriptor)
            own_layer = next(
                (item for item in reversed(steps) if item["created_by"].startswith(("COPY", "ADD", "RUN", "WORKDIR"))),
                steps[-1],
            )
            del own_layer["empty_layer"]
        for name, value in self._options.labels.items():
            work.configuration.label(name, value)
        unused = set(self._options.arguments) - self._used - set(self._file.arguments)
        if unused:
            say(f"[Warning] one or more build args were not consumed: {sorted(unused)}")
        settings = work.configuration.as_json()
        diff_ids = [layer.diff_id for layer in layers]
        config = canonical(image_config(settings, diff_ids, [*history, *steps], self._options.created))
        self._storage.add(config)
        say(f"COMMIT {self._options.tag}")
        return self._storage.remember(self._options.tag, image_manifest(config, layers), origins)

    def _below(self, target: Stage) -> tuple[list[Any], list[dict[str, Any]], dict[str, str]]:
        """Return layers, history and origins of what the target stands on; earlier stages count as one more layer."""
        parent = self._earlier(target, target.image)
        if parent is not None:
            layers, history, origins = self._below(parent)
            work = self._done[parent.index]
            steps = [dict(item) for item in work.history]
            changes = work.changes()
            if changes:
                layers.append(self._storage.add_layer(changes))
                steps[-1].pop("empty_layer")
            return layers, [*history, *steps], origins
        if target.image == SCRATCH:
            return [], [], {}
        image = self._pull(target.image, target.line)
        return list(image.layers), list(image.config.get("history") or []), dict(image.origins)


def fetch(remote: Remote, reference: Reference, storage: Storage) -> StoredImage:
    """Bring an image into the storage.

    Raises:
        TransferError: the registry does not have it, refuses, or it is no image for one platform.
    """
    digest, manifest = remote.manifest(reference.wanted)
    known = storage.find(reference.full)
    if known is not None and known.digest == digest:
        return known
    say(f"Trying to pull {reference.full}...")
    try:
        document = json.loads(manifest)
        blobs = [document["config"]["digest"], *(layer["digest"] for layer in document["layers"])]
    except (ValueError, KeyError, TypeError) as exc:
        raise TransferError(f"{reference.full}: not the manifest of an image: {exc!r}") from exc
    for blob in blobs:
        if not storage.path(blob).exists():
            storage.add(remote.blob(blob))
    origin = f"{reference.registry}/{reference.repository}"
    return storage.remember(reference.full, manifest, {layer["digest"]: origin for layer in document["layers"]})


def _remove(folder: Path) -> None:
    """Remove a work folder, also where a command took the rights from its own folders."""
    for parent, folders, _ in os.walk(folder):
        for name in folders:
            place = Path(parent) / name
            if not place.is_symlink() and not os.access(place, os.W_OK | os.X_OK):
                place.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)
