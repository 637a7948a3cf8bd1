"""Lists: selectors, pages that stay at one version, and the state of then.

https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from . import selectors
from .conversions import outward
from .resources import Resource
from .status import ApiError, Cause, Expired, Invalid, bad_request
from .store import Store

Object = dict[str, Any]
_FORGOTTEN = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)
WAIT_FOR_FUTURE = 3.0


@dataclass(frozen=True)
class Page:
    """What a list answers with."""

    items: list[Object]
    version: int
    token: str = ""
    remaining: int | None = None

    def metadata(self) -> Object:
        """Return the list's metadata."""
        metadata: Object = {"resourceVersion": str(self.version)}
        if self.token:
            metadata["continue"] = self.token
        if self.remaining is not None:
            metadata["remainingItemCount"] = self.remaining
        return metadata


def matcher(resource: Resource, query: Mapping[str, str], name: str = "") -> Callable[[Object], bool]:
    """Return the test that labelSelector and fieldSelector of a query make.

    Raises:
        ApiError: 400 for a selector that is none.
    """
    labels = selectors.parse(query.get("labelSelector", ""))
    fields = selectors.parse_fields(query.get("fieldSelector", ""), resource.key)

    def test(obj: Object) -> bool:
        if name and obj["metadata"]["name"] != name:
            return False
        if not selectors.matches(labels, obj["metadata"].get("labels")):
            return False
        return fields(outward(resource, obj))

    return test


def parse_version(text: str) -> int | None:
    """Return a resourceVersion of a list's query as number; None for any or the newest.

    Raises:
        ApiError: 400.
    """
    if text in ("", "0"):
        return None
    if not text.isdigit():
        raise bad_request(f"invalid resource version: {version_fault(text)}")
    return int(text)


def version_fault(text: str) -> str:
    """Return what is wrong with a resourceVersion that is no number."""
    return f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'


def check_options(query: Mapping[str, str], *, watching: bool) -> None:
    """Refuse combinations of list options that make no sense.

    Raises:
        Invalid: 422.
    """
    match, version = query.get("resourceVersionMatch", ""), query.get("resourceVersion", "")
    initial = query.get("sendInitialEvents")
    fault = None
    if initial is not None and match != "NotOlderThan":
        fault = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
    elif initial is None and match and not version:
        fault = "resourceVersionMatch is forbidden unless resourceVersion is provided"
    elif initial is None and match and watching:
        fault = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
    if fault is not None:
        cause = Cause("FieldValueForbidden", f"Forbidden: {fault}", "resourceVersionMatch")
        raise Invalid("meta.k8s.io", "ListOptions", "", [cause])
    if match not in ("", "Exact", "NotOlderThan"):
        why = f'Unsupported value: "{match}": supported values: "Exact", "NotOlderThan", ""'
        raise Invalid("meta.k8s.io", "ListOptions", "", [Cause("FieldValueNotSupported", why, "resourceVersionMatch")])


async def read_page(store: Store, resource: Resource, namespace: str, query: Mapping[str, str]) -> Page:
    """Return one page of a list.

    Raises:
        ApiError: 400 for options that cannot be read, 410 for a version that is forgotten, 504 for one to come.
    """
    check_options(query, watching=False)
    test = matcher(resource, query)
    limit = _limit(query.get("limit", ""))
    token = query.get("continue", "")
    start: tuple[str, str] | None = None
    version = store.version
    if token:
        if query.get("resourceVersion", "") not in ("", "0"):
            raise bad_request("specifying resource version is not allowed when using continue")
        version, start = _read_token(token, namespace)
        version = store.version if version < 0 else version
        objects = _snapshot_of_token(store, resource, version, start)
    else:
        wanted = parse_version(query.get("resourceVersion", ""))
        exact = query.get("resourceVersionMatch") == "Exact"
        if wanted is not None and wanted > version:
            await _wait_for(store, wanted)
            version = store.version
        if exact and wanted is not None and wanted < version:
            version = wanted
            objects = _snapshot(store, resource, wanted)
        else:
            objects = store.scan(resource.storage, namespace or None)
    items = [obj for obj in objects if _in_scope(obj, namespace, start) and test(obj)]
    if not limit or len(items) <= limit:
        return Page(items, version)
    last = items[limit - 1]["metadata"]
    next_token = _write_token(version, last, namespace)
    selective = query.get("labelSelector") or query.get("fieldSelector")
    return Page(items[:limit], version, next_token, None if selective else len(items) - limit)


def _limit(text: str) -> int:
    try:
        return max(int(text or 0), 0)
    except ValueError:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None


def _in_scope(obj: Object, namespace: str, start: tuple[str, str] | None) -> bool:
    metadata = obj["metadata"]
    key = (metadata.get("namespace", ""), metadata["name"])
    return (not namespace or key[0] == namespace) and (start is None or key > start)


def _snapshot(store: Store, resource: Resource, version: int) -> list[Object]:
    try:
        return store.snapshot(resource.storage, version)
    except Expired:
        raise Expired("The resourceVersion for the provided list is too old.") from None


def _snapshot_of_token(store: Store, resource: Resource, version: int, start: tuple[str, str] | None) -> list[Object]:
    try:
        return store.snapshot(resource.storage, version)
    except Expired:
        error = Expired(_FORGOTTEN)
        start = start or ("", "")
        error.metadata = {"continue": _encode_token(-1, "/".join(part for part in start if part) + "\0")}
        raise error from None


async def _wait_for(store: Store, version: int) -> None:
    """Wait a moment for a version that is not there yet.

    Raises:
        ApiError: 504 when it does not come.
    """
    deadline = asyncio.get_running_loop().time() + WAIT_FOR_FUTURE
    while store.version < version:
        if asyncio.get_running_loop().time() > deadline:
            causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
            raise ApiError(
                504, "Timeout", f"Timeout: Too large resource version: {version}, current: {store.version}",
                {"causes": causes, "retryAfterSeconds": 1}, {"Retry-After": "1"},
            )  # fmt: skip
        await asyncio.sleep(0.05)


def _write_token(version: int, last: Object, namespace: str) -> str:
    key = last["name"] if namespace or "namespace" not in last else f"{last['namespace']}/{last['name']}"
    return _encode_token(version, f"/{key}\0" if namespace else f"{key}\0")


def _encode_token(version: int, start: str) -> str:
    content = msgspec.json.encode({"v": "meta.k8s.io/v1", "rv": version, "start": start})
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _read_token(token: str, namespace: str) -> tuple[int, tuple[str, str]]:
    try:
        content = msgspec.json.decode(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        key = content["start"].strip("/\0")
        version = int(content["rv"])
    except (binascii.Error, msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError) as exc:
        text = "invalid continue token: continue key is not valid: invalid character looking for beginning of value"
        raise bad_request(text) from exc
    if namespace:
        return version, (namespace, key.rpartition("/")[2])
    scope, _, name = key.rpartition("/")
    return version, (scope, name)
