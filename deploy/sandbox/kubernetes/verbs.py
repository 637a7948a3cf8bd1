"""The verbs on objects: get, list, create, update, patch, apply, delete.

Every function takes a `Call`, which holds what all of them need of one request.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
from aiohttp import web

from . import decoding, listing, media, objects, options, patches, tables
from .access import Access, User
from .apply import apply, node_of
from .conversions import inward, outward
from .resources import Resource
from .routes import Route
from .status import ApiError, Conflict, Invalid, NotFound, bad_request, success, unprocessed
from .store import Store, Writer

Object = dict[str, Any]
_DELETED_WHOLE = {"pods", "services", "namespaces", "persistentvolumeclaims", "serviceaccounts"}
_WARNINGS = {"endpoints": "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"}


@dataclass
class Call:
    """One request to a resource."""

    request: web.Request
    store: Store
    access: Access
    user: User
    route: Route
    resource: Resource
    accepted: media.Accepted
    warnings: list[str] = field(default_factory=list)

    @property
    def namespace(self) -> str | None:
        """Return the namespace, None for cluster-wide kinds."""
        return self.route.namespace if self.resource.namespaced else None

    @property
    def key(self) -> str:
        """Return the name of the resource for the store."""
        return self.resource.key

    def current(self) -> Object:
        """Return a copy of the object that the path names.

        Raises:
            NotFound: there is none.
        """
        obj = self.store.get(self.resource.storage, self.namespace, self.route.name)
        if obj is None:
            raise NotFound(self.key, self.route.name)
        return obj

    def manager(self) -> str:
        """Return the name under which fields are owned: given, or the program's."""
        given = self.request.query.get("fieldManager")
        return given or self.request.headers.get("User-Agent", "unknown").partition("/")[0][:128] or "unknown"

    def writer(self) -> Writer:
        """Return who writes."""
        return Writer(self.manager(), self.route.subresource)

    def note(self, verb: str, effect: str, name: str = "") -> None:
        """Write down in the journal what this write did."""
        self.request["journal"].update(
            resource=self.key, namespace=self.namespace or "", name=name or self.route.name, verb=verb,
            fieldManager=self.manager(), dryRun=self.dry_run, effect=effect,
        )  # fmt: skip
        if self.route.subresource:
            self.request["journal"]["subresource"] = self.route.subresource

    @property
    def dry_run(self) -> bool:
        """Return whether nothing is to be kept."""
        return self.request.query.get("dryRun") == "All"

    def respond(self, obj: Object, *, status: int = 200) -> web.Response:
        """Return the answer with one object, in the wanted form."""
        obj = outward(self.resource, obj)
        if self.accepted.form == "Table" and obj.get("kind") == self.resource.kind:
            metadata = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
            include = self.request.query.get("includeObject", "Metadata")
            obj = tables.render(self.resource, [obj], metadata, include)
        elif self.accepted.form == "PartialObjectMetadata" and obj.get("kind") == self.resource.kind:
            obj = media.partial(obj, self.accepted.version)
        return media.respond(obj, self.accepted, status=status, warnings=self._all_warnings())

    def _all_warnings(self) -> Iterable[str]:
        if self.key in _WARNINGS:
            yield _WARNINGS[self.key]
        yield from self.warnings


async def get(call: Call) -> web.Response:
    """Answer with one object."""
    return call.respond(call.current())


async def list_objects(call: Call) -> web.Response:
    """Answer with one page of a list."""
    page = await listing.read_page(call.store, call.resource, call.namespace or "", call.request.query)
    items = [outward(call.resource, obj) for obj in page.items]
    form, version = call.accepted.form, call.accepted.version
    if form == "Table":
        include = call.request.query.get("includeObject", "Metadata")
        answer = tables.render(call.resource, items, page.metadata(), include)
    elif form:
        answer = {"kind": "PartialObjectMetadataList", "apiVersion": f"meta.k8s.io/{version}",
                  "metadata": page.metadata(), "items": [media.partial(obj, version) for obj in items]}  # fmt: skip
    else:
        plain = [{k: v for k, v in obj.items() if k not in ("kind", "apiVersion")} for obj in items]
        answer = {"kind": f"{call.resource.kind}List", "apiVersion": call.resource.api_version,
                  "metadata": page.metadata(), "items": plain}  # fmt: skip
    return media.respond(answer, call.accepted)


async def create(call: Call) -> web.Response:
    """Create an object from the body."""
    validation = options.check(call.request.query, "CreateOptions")
    body = await read_body(call.request)
    obj, call.warnings = decoding.decode(call.resource, body, call.request.headers.get("Content-Type", ""), validation)
    if obj["metadata"].get("resourceVersion"):
        raise unprocessed("resourceVersion should not be set on objects to be created")
    _settle_place(call, obj)
    created = call.store.create(
        call.resource.key, inward(call.resource, obj), writer=call.writer(), dry_run=call.dry_run
    )
    call.note("create", "created", created["metadata"]["name"])
    return call.respond(created, status=201)


async def update(call: Call, *, status: bool = False) -> web.Response:
    """Replace an object by the body."""
    validation = options.check(call.request.query, "UpdateOptions")
    body = await read_body(call.request)
    obj, call.warnings = decoding.decode(call.resource, body, call.request.headers.get("Content-Type", ""), validation)
    _settle_place(call, obj)
    old = call.current()
    uid = obj["metadata"].get("uid")
    if uid and uid != old["metadata"]["uid"]:
        place = "/".join(part for part in (call.namespace, call.route.name) if part)
        why = (
            f"StorageError: invalid object, Code: 4, Key: /registry/{call.resource.plural}/{place}, "
            f"ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: {uid}, "
            f"UID in object meta: {old['metadata']['uid']}"
        )
        raise Conflict(call.key, call.route.name, why)
    return _keep(call, inward(call.resource, obj), old, "update", status=status)


async def patch(call: Call, *, status: bool = False) -> web.Response:
    """Patch or apply."""
    kind = decoding.media_type(call.request.headers.get("Content-Type", ""))
    if kind not in (patches.APPLY, patches.MERGE, patches.STRATEGIC, patches.JSON_PATCH):
        raise ApiError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})
    validation = options.check(call.request.query, "PatchOptions", apply=kind == patches.APPLY)
    body = await read_body(call.request)
    if kind == patches.APPLY:
        return _apply(call, body, validation, status=status)
    old = call.current()
    patched = patches.apply_patch(kind, node_of(call.resource), outward(call.resource, old), body)
    if not isinstance(patched, dict) or not isinstance(patched.get("metadata"), dict):
        raise bad_request("the patched object has no metadata")
    patched = _checked_patch(call, patched, validation)
    _settle_place(call, patched)
    return _keep(call, inward(call.resource, patched), old, "patch", status=status)


def _checked_patch(call: Call, patched: Object, validation: str) -> Object:
    """Return the patched object in its schema's shape; faults are a 422 that quotes the whole object."""
    rest = {key: value for key, value in patched.items() if key not in ("apiVersion", "kind")}
    whole = msgspec.json.encode({"apiVersion": patched.get("apiVersion"), "kind": patched.get("kind"), **rest}).decode()
    try:
        obj, call.warnings = decoding.checked(call.resource, patched, validation, [])
    except ApiError as exc:
        quoted = msgspec.json.encode(whole).decode()
        fault = exc.message.partition("cannot be handled as a ")[2].partition(": ")[2] or exc.message
        cause = {"reason": "FieldValueInvalid", "message": f"Invalid value: {quoted}: {fault}", "field": "patch"}
        error = ApiError(422, "Invalid", f' "" is invalid: patch: {cause["message"]}', {"causes": [cause]})
        raise error from exc
    return obj


def _apply(call: Call, body: bytes, validation: str, *, status: bool) -> web.Response:
    config, call.warnings = decoding.decode_apply(call.resource, body, validation)
    _settle_place(call, config)
    live = call.store.get(call.resource.storage, call.namespace, call.route.name)
    force = call.request.query.get("force") == "true"
    manager = call.request.query["fieldManager"]
    if live is None:
        if status or call.route.subresource:
            raise NotFound(call.key, call.route.name)
        asked = call.route.attributes()
        call.access.require(call.user, replace(asked, verb="create"))
        fresh = apply(call.resource, None, config, manager, force=force)
        fresh["metadata"].pop("uid", None)
        writer = Writer(manager, applied=True)
        created = call.store.create(call.key, inward(call.resource, fresh), writer=writer, dry_run=call.dry_run)
        call.note("apply", "created")
        return call.respond(created, status=201)
    uid = config["metadata"].get("uid")
    if uid and uid != live["metadata"]["uid"]:
        cause = {"reason": "FieldValueInvalid", "field": "metadata.uid",
                 "message": f'Invalid value: "{uid}": field is immutable'}  # fmt: skip
        error = Invalid(call.resource.group, call.resource.kind, call.route.name, [])
        error.message += f"metadata.uid: {cause['message']}"
        error.message = error.message.replace("[]", "")
        error.details = {**(error.details or {}), "causes": [cause, cause]}
        raise error
    version = config["metadata"].pop("resourceVersion", None)
    if version and version != live["metadata"]["resourceVersion"]:
        raise Conflict(call.key, call.route.name)
    merged = apply(
        call.resource, outward(call.resource, live), config, manager, force=force, subresource=call.route.subresource
    )
    writer = Writer(manager, call.route.subresource, applied=True)
    return _keep(call, inward(call.resource, merged), live, "apply", status=status, writer=writer)


def _keep(
    call: Call, obj: Object, old: Object, verb: str, *, status: bool, writer: Writer | None = None
) -> web.Response:
    """Store an update and answer with it."""
    kept = call.store.update(call.key, obj, status=status, writer=writer or call.writer(), dry_run=call.dry_run)
    same = objects.same({**kept, "metadata": {**kept["metadata"], "resourceVersion": ""}},
                        {**old, "metadata": {**old["metadata"], "resourceVersion": ""}})  # fmt: skip
    call.note(verb, "unchanged" if same else "changed")
    return call.respond(kept)


def _settle_place(call: Call, obj: Object) -> None:
    """Check the body's name and namespace against the path's and fill them in.

    Raises:
        ApiError: 400 where they differ.
    """
    metadata = obj["metadata"]
    name, namespace = metadata.get("name"), metadata.get("namespace")
    if call.resource.namespaced:
        if namespace and namespace != call.route.namespace:
            raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
        metadata["namespace"] = call.route.namespace
    else:
        metadata.pop("namespace", None)
    if call.route.name:
        if name and name != call.route.name:
            raise bad_request(f"the name of the object ({name}) does not match the name on the URL ({call.route.name})")
        metadata["name"] = call.route.name


async def delete(call: Call) -> web.Response:
    """Delete one object."""
    wanted = await _delete_options(call)
    old = call.current()
    _check_preconditions(call, old, wanted.preconditions)
    last = call.store.delete(
        call.resource.storage, call.namespace, call.route.name, grace=wanted.grace,
        propagation=wanted.propagation, dry_run=wanted.dry_run,
    )  # fmt: skip
    assert last is not None
    call.note("delete", "deleted")
    gone = wanted.dry_run and not last["metadata"].get("finalizers")
    gone = gone or call.store.peek(call.resource.storage, call.namespace, call.route.name) is None
    if call.key in _DELETED_WHOLE or not gone:
        return call.respond(last)
    details = {"name": call.route.name, "group": call.resource.group, "kind": call.resource.plural,
               "uid": last["metadata"]["uid"]}  # fmt: skip
    return media.respond(success({k: v for k, v in details.items() if v}), call.accepted, warnings=call.warnings)


async def delete_collection(call: Call) -> web.Response:
    """Delete all objects that the selectors choose."""
    wanted = await _delete_options(call)
    page = await listing.read_page(call.store, call.resource, call.namespace or "", call.request.query)
    items = []
    for obj in page.items:
        metadata = obj["metadata"]
        last = call.store.delete(
            call.resource.storage, metadata.get("namespace"), metadata["name"], grace=wanted.grace,
            propagation=wanted.propagation, dry_run=wanted.dry_run,
        )  # fmt: skip
        items.append({k: v for k, v in (last or obj).items() if k not in ("kind", "apiVersion")})
    call.note("deletecollection", "deleted" if items else "unchanged")
    answer = {"kind": f"{call.resource.kind}List", "apiVersion": call.resource.api_version,
              "metadata": {"resourceVersion": str(call.store.version)}, "items": items}  # fmt: skip
    return media.respond(answer, call.accepted)


async def _delete_options(call: Call) -> options.Delete:
    body = await read_body(call.request)
    wanted = options.read_delete(call.request.query, body)
    if wanted.propagation is None:
        wanted.propagation = "Background"
        if call.key == "jobs.batch":
            wanted.propagation = "Orphan"
            call.warnings.append(
                "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to "
                "remove them or set propagationPolicy=Orphan to suppress this warning"
            )
    return wanted


def _check_preconditions(call: Call, old: Object, preconditions: Object) -> None:
    kept, kind = old["metadata"], call.resource.kind
    uid, version = preconditions.get("uid"), preconditions.get("resourceVersion")
    why = None
    if uid and uid != kept["uid"]:
        why = (
            f"the UID in the precondition ({uid}) does not match the UID in record ({kept['uid']}). "
            "The object might have been deleted and then recreated"
        )
    elif version and version != kept["resourceVersion"]:
        why = (
            f"the ResourceVersion in the precondition ({version}) does not match the ResourceVersion in record "
            f"({kept['resourceVersion']}). The object might have been modified"
        )
    if why is not None:
        group = f".{call.resource.group}" if call.resource.group else ""
        raise Conflict(f"{kind}{group}", call.route.name, why)


async def read_body(request: web.Request) -> bytes:
    """Return the body.

    Raises:
        ApiError: 413 for one over 3 MiB.
    """
    if (request.content_length or 0) > decoding.BODY_LIMIT:
        raise decoding.too_large()
    body = await request.read()
    if len(body) > decoding.BODY_LIMIT:
        raise decoding.too_large()
    return body
