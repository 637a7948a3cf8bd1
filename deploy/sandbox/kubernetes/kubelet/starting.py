"""Start one container: its image, its configuration, its root folder, its process.

Each failure is a `NotStartedError` with the reason and the words that the pod's status and events show.
"""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.sandbox.images.pull import Credentials, Image, Images, PullError
from deploy.sandbox.images.reference import InvalidReferenceError, Reference
from deploy.sandbox.images.unpack import copy_command
from deploy.sandbox.isolation import DEFAULT_PATH, Bind, Capability, Mode, Spec, own
from deploy.sandbox.isolation.userland import inside
from deploy.sandbox.kubernetes import quantity
from deploy.sandbox.kubernetes.pods.client import Input, Shim
from deploy.sandbox.kubernetes.store import Store

from .environment import ConfigError, Resolver, expand
from .unit import Unit
from .volumes import Volumes

Object = dict[str, Any]
Tell = Callable[[str, str, str], None]  # type, reason, message


class NotStartedError(Exception):
    """A container was not started: `reason` is the waiting reason, the text its message."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Account:
    """Whom a container runs as."""

    uid: int
    gid: int
    home: str


class Starter:
    """Starts the containers of one pod."""

    def __init__(
        self, store: Store, images: Images, shim: Shim, volumes: Volumes, folder: Path, capability: Capability
    ) -> None:
        self._store, self._images, self._shim, self._volumes = store, images, shim, volumes
        self._folder = folder
        self._capability = capability

    def run_folder(self, name: str, attempt: int) -> Path:
        """Return the folder of one run of one container."""
        return self._folder / "containers" / name / str(attempt)

    async def image(self, pod: Object, unit: Unit, tell: Tell) -> Image:
        """Return the container's image, pulled where its policy says so.

        Raises:
            NotStartedError: InvalidImageName, ErrImageNeverPull or ErrImagePull.
        """
        name = unit.spec["image"]
        try:
            reference = Reference.parse(name)
        except InvalidReferenceError as exc:
            why = f'Failed to apply default image tag "{name}": couldn\'t parse image name "{name}": {exc}'
            tell("Warning", "InspectFailed", why)
            raise NotStartedError("InvalidImageName", why) from exc
        policy = unit.spec.get("imagePullPolicy", "IfNotPresent")
        present = self._images.find(reference)
        if present is not None and policy != "Always":
            tell(
                "Normal",
                "Pulled",
                f'Container image "{name}" already present on machine and can be accessed by the pod',
            )
            return present
        if policy == "Never":
            why = f'Container image "{name}" is not present with pull policy of Never'
            tell("Warning", "ErrImageNeverPull", why)
            raise NotStartedError("ErrImageNeverPull", why)
        tell("Normal", "Pulling", f'Pulling image "{name}"')
        started = asyncio.get_running_loop().time()
        try:
            image = await self._images.pull(reference, self._credentials(pod, reference))
        except PullError as exc:
            tell("Warning", "Failed", f'Failed to pull image "{name}": {exc}')
            raise NotStartedError("ErrImagePull", str(exc)) from exc
        took = f"{(asyncio.get_running_loop().time() - started) * 1000:.0f}ms"
        message = (
            f'Successfully pulled image "{name}" in {took} ({took} including waiting). Image size: {image.size} bytes.'
        )
        tell("Normal", "Pulled", message)
        return image

    async def start(self, pod: Object, unit: Unit, image: Image, resolver: Resolver, tell: Tell) -> Object:
        """Start the next run of a container and return it (see `pods.shim.Run`); one with `error` did not start.

        Raises:
            NotStartedError: CreateContainerConfigError.
        """
        attempt = unit.attempt + 1
        folder = self.run_folder(unit.name, attempt)
        shutil.rmtree(folder, ignore_errors=True)
        try:
            account = self._account(pod, unit, image)
            spec = self._spec(pod, unit, image, account, resolver, folder)
        except ConfigError as exc:
            raise NotStartedError("CreateContainerConfigError", str(exc)) from exc
        (folder / "root").mkdir(parents=True, mode=0o755)
        own(folder / "root")
        copying = await asyncio.create_subprocess_exec(*copy_command(image.root, folder / "root"))
        await copying.wait()
        termination = folder / "termination-log"
        termination.touch()
        termination.chmod(0o666)
        meta = {"image": _shown_image(image), "imageID": image.id, "spec_image": unit.spec["image"], "uid": account.uid, "gid": account.gid,
                "stop_signal": (image.config.get("config") or {}).get("StopSignal", "SIGTERM")}  # fmt: skip
        (folder / "meta.json").write_text(json.dumps(meta))
        tell("Normal", "Created", "Container created")
        limit = ((unit.spec.get("resources") or {}).get("limits") or {}).get("memory")
        memory = int(quantity.parse(limit)) if limit else None
        run = await self._shim.start(unit.name, attempt, spec, folder, memory, _input(unit.spec))
        self._forget_old_runs(unit.name, attempt)
        return run

    def _forget_old_runs(self, name: str, attempt: int) -> None:
        """Keep the run before this one for `logs --previous`, without its files; remove what is older."""
        for folder in (self._folder / "containers" / name).iterdir():
            number = int(folder.name)
            if number < attempt - 1:
                shutil.rmtree(folder, ignore_errors=True)
            elif number == attempt - 1:
                shutil.rmtree(folder / "root", ignore_errors=True)

    def _spec(self, pod: Object, unit: Unit, image: Image, account: Account, resolver: Resolver, folder: Path) -> Spec:
        config = image.config.get("config") or {}
        first = dict(entry.partition("=")[::2] for entry in config.get("Env") or ())
        hostname = pod["spec"].get("hostname") or pod["metadata"]["name"]
        base = {"PATH": DEFAULT_PATH, "HOME": account.home} | first | {"HOSTNAME": hostname}
        if unit.spec.get("tty"):
            base.setdefault("TERM", "xterm")
        environment = resolver.environment(unit.spec, base)
        command = unit.spec.get("command")
        arguments = unit.spec.get("args")
        if command is None:
            command = config.get("Entrypoint") or []
            arguments = (config.get("Cmd") or []) if arguments is None else arguments
        argv = [expand(part, environment) for part in [*command, *(arguments or [])]]
        if not argv:
            raise ConfigError("no command specified")
        security = unit.spec.get("securityContext") or {}
        message_path = unit.spec.get("terminationMessagePath") or "/dev/termination-log"
        binds = self._volumes.binds(pod, unit.spec)
        if self._capability.mode is not Mode.NONE or not message_path.startswith("/dev/"):
            binds = [*binds, Bind(str(folder / "termination-log"), message_path)]
        return Spec(
            root=str(folder / "root"), argv=argv, env=environment, cwd=unit.spec.get("workingDir") or config.get("WorkingDir") or "/",
            uid=account.uid, gid=account.gid, hostname=hostname, binds=binds, mode=self._capability.mode, new_user=False,
            read_only_root=bool(security.get("readOnlyRootFilesystem")), hosts={hostname: resolver.field("status.podIP")},
            terminal=bool(unit.spec.get("tty")),
        )  # fmt: skip

    def _account(self, pod: Object, unit: Unit, image: Image) -> Account:
        context = {**(pod["spec"].get("securityContext") or {}), **(unit.spec.get("securityContext") or {})}
        named = (image.config.get("config") or {}).get("User") or "0"
        user, _, group = named.partition(":")
        accounts = _accounts(image.root)
        uid, gid, home = accounts.get(user, (int(user), 0, "/") if user.isdigit() else (-1, -1, "/"))
        if "runAsUser" in context:
            uid = context["runAsUser"]
            _, gid, home = next((entry for entry in accounts.values() if entry[0] == uid), (uid, 0, "/"))
        if group.isdigit() and "runAsUser" not in context:
            gid = int(group)
        gid = context.get("runAsGroup", gid)
        where = f'(pod: "{pod["metadata"]["name"]}_{pod["metadata"]["namespace"]}({pod["metadata"]["uid"]})", container: {unit.name})'
        if uid < 0:
            raise ConfigError(f"unable to find user {user}: no matching entries in passwd file")
        if context.get("runAsNonRoot"):
            if uid == 0:
                word = "container's runAsUser breaks non-root policy" if "runAsUser" in context else (
                    "container has runAsNonRoot and image will run as root"
                )  # fmt: skip
                raise ConfigError(f"{word} {where}")
            if "runAsUser" not in context and not user.isdigit():
                word = f"container has runAsNonRoot and image has non-numeric user ({user}), cannot verify user is non-root"
                raise ConfigError(f"{word} {where}")
        return Account(uid, gid, "/root" if uid == 0 else home)

    def _credentials(self, pod: Object, reference: Reference) -> list[Credentials]:
        found = []
        for entry in pod["spec"].get("imagePullSecrets") or ():
            secret = self._store.peek("secrets", pod["metadata"]["namespace"], entry.get("name", ""))
            data = (secret or {}).get("data") or {}
            found += _registry_credentials(data, reference.registry)
        return found


def _registry_credentials(data: dict[str, str], registry: str) -> list[Credentials]:
    """Return what a pull secret holds for a registry; what is not well formed is passed over, as a node does."""
    found = []
    try:
        if ".dockerconfigjson" in data:
            auths = json.loads(base64.b64decode(data[".dockerconfigjson"])).get("auths") or {}
        elif ".dockercfg" in data:
            auths = json.loads(base64.b64decode(data[".dockercfg"]))
        else:
            return []
        for host, entry in auths.items():
            if host.removeprefix("https://").removeprefix("http://").partition("/")[0] != registry:
                continue
            if entry.get("auth"):
                username, _, password = base64.b64decode(entry["auth"]).decode().partition(":")
            else:
                username, password = entry.get("username", ""), entry.get("password", "")
            found.append(Credentials(username, password))
    except (ValueError, AttributeError):
        return found
    return found


def _accounts(root: Path) -> dict[str, tuple[int, int, str]]:
    try:
        lines = Path(inside(str(root), "/etc/passwd")).read_text().splitlines()
    except OSError:
        return {}
    found = {}
    for line in lines:
        fields = line.split(":")
        if len(fields) >= 6 and fields[2].isdigit() and fields[3].isdigit():
            found[fields[0]] = found[fields[2]] = (int(fields[2]), int(fields[3]), fields[5] or "/")
    return found


def _input(container: Object) -> Input:
    if not container.get("stdin"):
        return ""
    return "once" if container.get("stdinOnce") else "open"


def _shown_image(image: Image) -> str:
    return image.reference.full


def termination_message(folder: Path, container: Object) -> str:
    """Return what a container left in its termination log, or the end of its output where it asks for that."""
    try:
        text = (folder / "termination-log").read_bytes()[-4096:].decode(errors="replace")
    except OSError:
        text = ""
    if text or container.get("terminationMessagePolicy") != "FallbackToLogsOnError":
        return text
    try:
        lines = (folder / "log").read_bytes()[-8192:].split(b"\n")[-81:]
    except OSError:
        return ""
    return b"\n".join(line.split(b" ", 3)[-1] for line in lines).decode(errors="replace")[-2048:]
