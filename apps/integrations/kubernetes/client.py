"""The verbs of one cluster. Raw JSON in and out; safe to share between threads.

Writes are made so that they may be repeated: server-side apply, patches with an absolute result, deletes. So a
time-out is `Unavailable` here and simply tried again by the next step; only an eviction happens once.
https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal, TypeVar, overload

import msgspec

from apps.integrations.calls import Effect
from apps.integrations.errors import Missing, Stale

from .applying import Applying
from .entities import Listing, Object
from .events import event_time
from .field_managers import FIELD_MANAGER, RESTART_MANAGER, SCALE_MANAGER
from .kinds import Kind, kind_of
from .wire import decode

T = TypeVar("T")

RESTART_ANNOTATION: Final = "kubectl.kubernetes.io/restartedAt"
PAGE: Final = 500
LIST_ATTEMPTS: Final = 2
LOG_BYTES: Final = 4 * 1024 * 1024

PatchStyle = Literal["merge", "strategic", "json"]
Propagation = Literal["Background", "Foreground", "Orphan"]
_PATCH_TYPES: Final[dict[PatchStyle, str]] = {
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "json": "application/json-patch+json",
}
# Of each object only its metadata: lists of Secrets bring no values with them.
_METADATA_LIST: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
_NO_LOG: Final = "unable to retrieve container logs for "


class _PageMetadata(msgspec.Struct, rename="camel"):
    resource_version: str = ""
    continue_: str = msgspec.field(name="continue", default="")


class KubernetesClient(Applying):
    """One cluster, with one connection's rights."""

    # -- reading ------------------------------------------------------------------------------------------------

    def get(self, kind: str | Kind, name: str, namespace: str | None = None) -> Object:
        """Return one object.

        Raises:
            Missing: there is none of that name.
        """
        known = kind_of(kind)
        return self._json("GET", known.path(namespace, name), operation=f"get {known.name}")

    def find(self, kind: str | Kind, name: str, namespace: str | None = None) -> Object | None:
        """Return one object, or None where there is none."""
        try:
            return self.get(kind, name, namespace)
        except Missing:
            return None

    @overload
    def list_objects(
        self,
        kind: str | Kind,
        namespace: str | None = None,
        *,
        labels: str | Mapping[str, str] = "",
        fields: str | Mapping[str, str] = "",
        metadata_only: bool = False,
    ) -> Listing[Object]: ...

    @overload
    def list_objects(
        self,
        kind: str | Kind,
        namespace: str | None = None,
        *,
        labels: str | Mapping[str, str] = "",
        fields: str | Mapping[str, str] = "",
        into: type[T],
    ) -> Listing[T]: ...

    def list_objects(
        self,
        kind: str | Kind,
        namespace: str | None = None,
        *,
        labels: str | Mapping[str, str] = "",
        fields: str | Mapping[str, str] = "",
        into: type[Any] = dict,
        metadata_only: bool = False,
    ) -> Listing[Any]:
        """Return all objects of a kind, in one namespace or in all, read in pages.

        `into` is a msgspec struct with the few fields wanted, for lists of thousands. Items of a list come without kind
        and apiVersion; dicts get them back. With `metadata_only` nothing else is sent. A list whose pages expire midway is read again from the start.

        Raises:
            Stale: it expired every time.
        """
        known = kind_of(kind)
        query = {"labelSelector": _selector(labels), "fieldSelector": _selector(fields)}
        for attempt in range(1, LIST_ATTEMPTS + 1):
            try:
                given = {key: text for key, text in query.items() if text}
                listing: Listing[Any] = self._list_pages(known, namespace, given, into, metadata_only=metadata_only)
            except Stale:
                if attempt == LIST_ATTEMPTS:
                    raise
            else:
                if into is dict:
                    typed = {"apiVersion": known.api_version, "kind": known.name}
                    # Last: an item of a list of metadata says that it is a PartialObjectMetadata.
                    return Listing([{**item, **typed} for item in listing.items], listing.resource_version)
                return listing
        raise AssertionError("the last attempt returns or raises")

    def _list_pages(
        self, kind: Kind, namespace: str | None, query: dict[str, str], into: type[T], *, metadata_only: bool
    ) -> Listing[T]:
        page_type = msgspec.defstruct("Page", [("metadata", _PageMetadata), ("items", list[into] | None, None)])  # type: ignore[valid-type]
        operation = f"list {kind.plural}"
        items: list[T] = []
        following: dict[str, Any] = {**query, "limit": PAGE}
        headers = {"Accept": _METADATA_LIST} if metadata_only else None
        while True:
            answer = self._send(
                "GET",
                kind.path(namespace),
                operation=operation,
                effect=Effect.READ,
                query=following,
                headers=headers,
            )
            page: Any = decode(answer, operation, page_type)
            items += page.items or []
            if not page.metadata.continue_:
                return Listing(items, page.metadata.resource_version)
            following["continue"] = page.metadata.continue_

    def events_of(self, namespace: str, *, uid: str = "", name: str = "", kind: str = "") -> list[Object]:
        """Return the events about one object, oldest first: by its uid, or by its kind and name."""
        about = {"involvedObject.uid": uid, "involvedObject.name": name, "involvedObject.kind": kind}
        wanted = {key: text for key, text in about.items() if text}
        return sorted(self.list_objects("Event", namespace, fields=wanted).items, key=event_time)

    def logs(
        self,
        namespace: str,
        pod: str,
        *,
        container: str = "",
        tail: int | None = None,
        previous: bool = False,
        since: datetime | None = None,
        timestamps: bool = False,
        limit_bytes: int = LOG_BYTES,
    ) -> str:
        """Return what a container wrote, the last `tail` lines of it; empty where it has not run yet.

        `previous` reads the run before this one, which is where a crash says why; empty where it is gone.
        https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#get-read-log-of-the-specified-pod

        Raises:
            Missing: no such pod.
            Rejected: no such container, or the container waits for something (`message` says for what).
        """
        query: dict[str, Any] = {"limitBytes": limit_bytes}
        query |= {"container": container} if container else {}
        query |= {"tailLines": tail} if tail is not None else {}
        query |= {"previous": "true"} if previous else {}
        query |= {"timestamps": "true"} if timestamps else {}
        query |= {"sinceTime": since.isoformat().replace("+00:00", "Z")} if since else {}
        path = kind_of("Pod").path(namespace, pod, "log")
        answer = self._send(
            "GET", path, operation="read log", effect=Effect.READ, query=query, headers={"Accept": "*/*"}
        )
        text = answer.body.decode(errors="replace")
        # Answered with 200 when the runtime has already thrown the container away.
        return "" if text.startswith(_NO_LOG) else text

    # -- writing ------------------------------------------------------------------------------------------------

    def delete(
        self,
        kind: str | Kind,
        name: str,
        namespace: str | None = None,
        *,
        propagation: Propagation = "Background",
        uid: str = "",
        resource_version: str = "",
        grace_seconds: int | None = None,
    ) -> bool:
        """Delete one object and return whether it was there.

        `uid` and `resource_version` make sure that it is still the object that was meant.

        Raises:
            Stale: it is another one, or has changed.
        """
        known = kind_of(kind)
        options: Object = {"propagationPolicy": propagation}
        preconditions = {"uid": uid, "resourceVersion": resource_version}
        if uid or resource_version:
            options["preconditions"] = {key: text for key, text in preconditions.items() if text}
        if grace_seconds is not None:
            options["gracePeriodSeconds"] = grace_seconds
        try:
            self._json("DELETE", known.path(namespace, name), operation=f"delete {known.name}", body=options)
        except Missing:
            return False
        return True

    def patch(
        self,
        kind: str | Kind,
        name: str,
        namespace: str | None,
        patch: Object | list[Object],
        *,
        style: PatchStyle = "merge",
        subresource: str | None = None,
        field_manager: str = FIELD_MANAGER,
        effect: Effect = Effect.REPEATABLE,
    ) -> Object:
        """Patch one object and return it. Pass `Effect.ONCE` for a JSON patch that adds to a list.

        Raises:
            Missing: there is no such object.
            Rejected: the result would not be valid.
        """
        known = kind_of(kind)
        return self._json(
            "PATCH",
            known.path(namespace, name, subresource),
            operation=f"patch {known.name}",
            effect=effect,
            query={"fieldManager": field_manager},
            body=patch,
            headers={"Content-Type": _PATCH_TYPES[style]},
        )

    def scale(self, kind: str | Kind, name: str, namespace: str, replicas: int) -> None:
        """Set the number of replicas through the scale subresource.

        Raises:
            Rejected: a negative number.
        """
        patch = {"spec": {"replicas": replicas}}
        self.patch(kind, name, namespace, patch, subresource="scale", field_manager=SCALE_MANAGER)

    def restart(self, kind: str | Kind, name: str, namespace: str, at: datetime) -> Object:
        """Replace all pods one after the other; the same `at` again does nothing.

        The annotation is `kubectl rollout restart`'s, under a field manager of its own: so it survives the next apply.
        """
        patch = {"spec": {"template": {"metadata": {"annotations": {RESTART_ANNOTATION: at.isoformat()}}}}}
        return self.patch(kind, name, namespace, patch, style="strategic", field_manager=RESTART_MANAGER)

    def evict(self, namespace: str, pod: str, *, grace_seconds: int | None = None) -> bool:
        """Ask for a pod to be moved away, and return whether it was there.

        https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/

        Raises:
            DisruptionRefused: a PodDisruptionBudget keeps it for now.
            OutcomeUnknown: no answer came.
        """
        eviction: Object = {
            "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": namespace},
        }  # fmt: skip
        if grace_seconds is not None:
            eviction["deleteOptions"] = {"gracePeriodSeconds": grace_seconds}
        path = kind_of("Pod").path(namespace, pod, "eviction")
        try:
            self._json("POST", path, operation="evict Pod", body=eviction)
        except Missing:
            return False
        return True

    def ensure_namespace(self, name: str, labels: Mapping[str, str] | None = None) -> bool:
        """Make sure that a namespace is there with our labels, and return whether that changed anything."""
        metadata = {"name": name, "labels": dict(labels or {})}
        return self.ensure({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})


def _selector(selector: str | Mapping[str, str]) -> str:
    if isinstance(selector, str):
        return selector
    return ",".join(f"{key}={text}" for key, text in sorted(selector.items()))
