"""Bringing objects to what their manifests say, by server-side apply, and moving fields from one manager to another.

https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from typing import Any, Final

import msgspec

from apps.integrations.calls import Effect
from apps.integrations.errors import Missing, Stale, Unauthorized

from . import ownership
from .answers import ApplyConflict, warnings_of
from .entities import Applied, Object
from .field_managers import FIELD_MANAGER, OPERATION_MANAGERS, SCALE_MANAGER
from .kinds import Kind, kind_of
from .server import ServerFacts
from .wire import decode

# JSON is YAML; a server knows no apply-patch+json.
_APPLY_TYPE: Final = "application/apply-patch+yaml"
_METADATA_ONLY: Final = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
# A status written in between makes a hand-over stale; nobody writes that often.
_HAND_OVERS: Final = 5


class Applying(ServerFacts):
    """The part of the client that applies."""

    def apply(
        self,
        manifest: bytes | Object,
        *,
        namespace: str | None = None,
        field_manager: str = FIELD_MANAGER,
        force: bool = False,
        dry_run: bool = False,
    ) -> Applied:
        """Bring one object to what the manifest says, in one request. Bytes are sent as they are.

        `namespace` places a manifest that names none. `force` takes over fields that others own with other values.

        Raises:
            ApplyConflict: others own fields with other values (not with `force`).
            Rejected: the manifest is wrong, or policy or quota refuses it; `details` name the fields.
        """
        kind, path = address(manifest, namespace)
        content = manifest if isinstance(manifest, bytes) else msgspec.json.encode(manifest)
        query = {"fieldManager": field_manager, "force": "true" if force else "false"}
        query |= {"dryRun": "All"} if dry_run else {}
        answer = self._send(
            "PATCH",
            path,
            operation=f"apply {kind.name}",
            effect=Effect.REPEATABLE,
            query=query,
            body=content,
            headers={"Content-Type": _APPLY_TYPE},
        )
        after = decode(answer, f"apply {kind.name}", dict)
        return Applied(after, created=answer.status == 201, warnings=warnings_of(answer.headers.get("Warning") or ""))

    def apply_over_own(self, manifest: Object, *, dry_run: bool = False) -> Applied:
        """Apply one object; what Slipway's own operations set, such as a number of pods, gives way to the manifest.

        Raises:
            ApplyConflict: others own fields with other values.
            Rejected: see `apply`.
        """
        try:
            return self.apply(manifest, dry_run=dry_run)
        except ApplyConflict as exc:
            if not all(conflict.manager in OPERATION_MANAGERS for conflict in exc.conflicts):
                raise
        return self.apply(manifest, force=True, dry_run=dry_run)

    def ensure(self, manifest: bytes | Object, *, namespace: str | None = None, force: bool = False) -> bool:
        """Apply one object and return whether that changed anything, at the price of a read before.

        Raises:
            ApplyConflict, Rejected: see `apply`.
        """
        kind, path = address(manifest, namespace)
        before: Object | None = None
        # Not there yet, or not ours to read: the apply itself gives the answer that counts.
        with contextlib.suppress(Missing, Unauthorized):
            before = self._json("GET", path, operation=f"get {kind.name}", headers={"Accept": _METADATA_ONLY})
        after = self.apply(manifest, namespace=namespace, force=force)
        return after.created or before is None or _version(before) != _version(after.object)

    def take_over(self, manifest: Object, *, others: Collection[str] = ()) -> Applied:
        """Apply one object so that Slipway owns what it mentions, and what hand tools left on the object besides is gone.

        Fields that controllers and other appliers own and that the manifest does not mention stay theirs, but for those of
        the managers named in `others`.

        Raises:
            Rejected: see `apply`.
            Stale: the object was written all the time, so that ownership could not be handed over.
        """
        kind, path = address(manifest)
        for attempt in range(1, _HAND_OVERS + 1):
            try:
                live = self._json("GET", path, operation=f"get {kind.name}")
                entries = ownership.handed_over(live, to=FIELD_MANAGER, others=others)
                if entries is not None:
                    self._hand_over(kind, path, entries, _version(live))
                break
            except Missing:
                break
            except Stale:
                if attempt == _HAND_OVERS:
                    raise
        return self.apply(manifest, force=True)

    def _hand_over(self, kind: Kind, path: str, entries: list[dict[str, Any]], version: str) -> None:
        patch: list[dict[str, Any]] = [
            {"op": "replace", "path": "/metadata/managedFields", "value": entries},
            # Held to what was read: a stale version is refused with 409.
            {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
        ]
        self._json(
            "PATCH",
            path,
            operation=f"hand over {kind.name}",
            effect=Effect.REPEATABLE,
            body=patch,
            headers={"Content-Type": "application/json-patch+json"},
        )

    def keep_replicas(self, manifest: Object) -> None:
        """Let a workload keep its number of pods when its manifest stops saying one, because an autoscaler will.

        A field that its only owner no longer applies goes back to its default: a Deployment would fall to one pod.
        https://kubernetes.io/docs/reference/using-api/server-side-apply/#transferring-ownership
        """
        kind, path = address(manifest)
        try:
            live = self._json("GET", path, operation=f"get {kind.name}")
        except Missing:
            return
        if not ownership.owns(ownership.applied_by(live, FIELD_MANAGER), "spec", "replicas"):
            return
        keep = {
            "apiVersion": manifest["apiVersion"],
            "kind": manifest["kind"],
            "metadata": {"name": live["metadata"]["name"], "namespace": live["metadata"]["namespace"]},
            "spec": {"replicas": live["spec"]["replicas"]},
        }
        self.apply(keep, field_manager=SCALE_MANAGER, force=True)


def address(manifest: bytes | Object, namespace: str | None = None) -> tuple[Kind, str]:
    """Return the kind of a manifest and the path of its object.

    Raises:
        ValueError: the manifest does not say what it is.
        LookupError: its kind is not known here.
    """
    described = msgspec.json.decode(manifest) if isinstance(manifest, bytes) else manifest
    try:
        kind = kind_of(described["kind"], described["apiVersion"])
        name, own_namespace = described["metadata"]["name"], described["metadata"].get("namespace")
    except (KeyError, TypeError) as exc:
        raise ValueError("a manifest needs apiVersion, kind and metadata.name") from exc
    return kind, kind.path(own_namespace or namespace, name)


def _version(state: Object) -> str:
    return str(state["metadata"].get("resourceVersion", ""))
