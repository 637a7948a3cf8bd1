"""Subresources that are not plain views of the object: scale, binding, eviction, token, finalize, debugging."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from . import decoding, media, objects, options, patches, tables
from .resources import Resource
from .schema import of_kind
from .selectors import Selector, from_label_selector, matches
from .status import ApiError, Cause, Conflict, Invalid, bad_request, unprocessed
from .store import Store
from .tokens import AUDIENCE, Tokens
from .verbs import Call, read_body

Object = dict[str, Any]
_SCALE = Resource("autoscaling", "v1", "scales", "Scale", "scale")
_EVICTION = Resource("policy", "v1", "evictions", "Eviction", "eviction")
_TOKEN = Resource("authentication.k8s.io", "v1", "tokenrequests", "TokenRequest", "tokenrequest")
_BINDING = Resource("", "v1", "bindings", "Binding", "binding")
_SHORTEST_TOKEN, _USUAL_TOKEN = 600, 3600


async def _decoded(call: Call, kind: Resource, validation: str = "Ignore") -> Object:
    body = await read_body(call.request)
    obj, call.warnings = decoding.decode(kind, body, call.request.headers.get("Content-Type", ""), validation)
    return obj


def _scale_of(obj: Object) -> Object:
    metadata = obj["metadata"]
    fields = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    selector = ",".join(_selector_terms(from_label_selector(obj["spec"].get("selector"))))
    status: Object = {"replicas": (obj.get("status") or {}).get("replicas", 0)}
    if selector:
        status["selector"] = selector
    replicas = obj["spec"].get("replicas", 0)
    return {
        "kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": {f: metadata[f] for f in fields if f in metadata},
        "spec": {"replicas": replicas} if replicas else {}, "status": status,
    }  # fmt: skip


def _selector_terms(selector: Selector) -> list[str]:
    terms = []
    for each in sorted(selector, key=lambda each: each.key):
        values = ",".join(sorted(each.values))
        if each.operator in ("In", "NotIn"):
            single = each.operator == "In" and len(each.values) == 1
            operator = "in" if each.operator == "In" else "notin"
            terms.append(f"{each.key}={values}" if single else f"{each.key} {operator} ({values})")
        else:
            terms.append(each.key if each.operator == "Exists" else f"!{each.key}")
    return terms


async def scale(call: Call) -> web.Response:
    """Read or change the number of replicas."""
    verb = call.route.verb
    if verb == "get":
        return _respond(call, _scale_of(call.current()))
    if verb == "update":
        options.check(call.request.query, "UpdateOptions")
        wanted = await _decoded(call, _SCALE)
        current = call.current()
    else:
        kind = decoding.media_type(call.request.headers.get("Content-Type", ""))
        if kind not in (patches.APPLY, patches.MERGE, patches.STRATEGIC, patches.JSON_PATCH):
            raise ApiError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})
        options.check(call.request.query, "PatchOptions", apply=kind == patches.APPLY)
        body = await read_body(call.request)
        current = call.current()
        if kind == patches.APPLY:
            wanted, call.warnings = decoding.decode_apply(_SCALE, body, "Warn")
        else:
            node = of_kind("autoscaling", "v1", "Scale")
            patched = patches.apply_patch(kind, node, _scale_of(current), body)
            wanted, call.warnings = decoding.checked(_SCALE, patched, "Warn", [])
    replicas = (wanted.get("spec") or {}).get("replicas", 0)
    if replicas < 0:
        why = f"Invalid value: {replicas}: must be greater than or equal to 0"
        raise Invalid("autoscaling", "Scale", call.route.name, [Cause("FieldValueInvalid", why, "spec.replicas")])
    version = wanted["metadata"].get("resourceVersion")
    if version and version != current["metadata"]["resourceVersion"]:
        raise Conflict(call.key, call.route.name)
    before = current["spec"].get("replicas")
    current["spec"]["replicas"] = replicas
    kept = call.store.update(call.key, current, writer=call.writer(), dry_run=call.dry_run)
    call.note("scale", "unchanged" if before == replicas else "changed")
    return _respond(call, _scale_of(kept))


def _respond(call: Call, scale: Object) -> web.Response:
    if call.accepted.form == "Table":
        include = call.request.query.get("includeObject", "Metadata")
        scale = tables.render(_SCALE, [scale], {"resourceVersion": scale["metadata"]["resourceVersion"]}, include)
    return media.respond(scale, call.accepted)


async def binding(call: Call) -> web.Response:
    """Put a pod on a node (the scheduler's verb)."""
    wanted = await _decoded(call, _BINDING)
    pod = call.current()
    if pod["spec"].get("nodeName"):
        why = f'pod {call.route.name} is already assigned to node "{pod["spec"]["nodeName"]}"'
        raise Conflict("pods/binding", call.route.name, why)
    pod["spec"]["nodeName"] = (wanted.get("target") or {}).get("name", "")
    call.store.update("pods", pod, writer=call.writer(), dry_run=call.dry_run)
    call.note("bind", "changed")
    return media.respond(_done(), call.accepted, status=201)


def _done() -> Object:
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


async def eviction(call: Call) -> web.Response:
    """Delete a pod where its disruption budget allows it."""
    wanted = await _decoded(call, _EVICTION)
    if wanted["metadata"].get("name", call.route.name) != call.route.name:
        raise bad_request("name in URL does not match name in Eviction object")
    given = options.delete_options(wanted.get("deleteOptions") or {})
    dry_run = call.dry_run or given.dry_run
    pod = call.current()
    budgets = [
        each for each in call.store.list("poddisruptionbudgets.policy", call.namespace)
        if matches(from_label_selector(each["spec"].get("selector")), pod["metadata"].get("labels"))
    ]  # fmt: skip
    ended = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed", "Pending")
    if budgets and not ended and "deletionTimestamp" not in pod["metadata"]:
        if len(budgets) > 1:
            raise unprocessed(
                "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
            )
        _spend(call.store, budgets[0], call.route.name, dry_run=dry_run)
    if not dry_run:
        _mark_disrupted(call.store, pod)
    call.store.delete("pods", call.namespace, call.route.name, grace=given.grace, dry_run=dry_run)
    call.note("evict", "deleted")
    return media.respond(_done(), call.accepted, status=201)


def _spend(store: Store, budget: Object, pod: str, *, dry_run: bool) -> None:
    status = budget.get("status") or {}
    allowed = status.get("disruptionsAllowed", 0)
    stale = status.get("observedGeneration", 0) < budget["metadata"].get("generation", 0)
    if allowed <= 0 or stale:
        name, needed, healthy = budget["metadata"]["name"], status.get("desiredHealthy"), status.get("currentHealthy")
        message = f"The disruption budget {name} needs {needed} healthy pods and has {healthy} currently"
        if stale:
            message = f"The disruption budget {name} is still being processed by the server."
        details = {"causes": [{"reason": "DisruptionBudget", "message": message}]}
        why = "Cannot evict pod as it would violate the pod's disruption budget."
        raise ApiError(429, "TooManyRequests", why, details)
    status["disruptionsAllowed"] = allowed - 1
    status["disruptedPods"] = {**(status.get("disruptedPods") or {}), pod: objects.now()}
    budget["status"] = status
    store.update("poddisruptionbudgets.policy", budget, status=True, dry_run=dry_run)


def _mark_disrupted(store: Store, pod: Object) -> None:
    condition = {
        "type": "DisruptionTarget", "status": "True", "lastProbeTime": None, "lastTransitionTime": objects.now(),
        "reason": "EvictionByEvictionAPI", "message": "Eviction API: evicting",
    }  # fmt: skip
    status = pod.setdefault("status", {})
    others = [each for each in status.get("conditions") or () if each["type"] != "DisruptionTarget"]
    status["conditions"] = [*others, condition]
    store.update("pods", pod, status=True)


async def token(call: Call, tokens: Tokens) -> web.Response:
    """Make a token for a ServiceAccount."""
    wanted = await _decoded(call, _TOKEN)
    account = call.current()
    spec = wanted.get("spec") or {}
    seconds = spec.get("expirationSeconds", _USUAL_TOKEN)
    if seconds < _SHORTEST_TOKEN:
        why = f"Invalid value: {seconds}: may not specify a duration less than 10 minutes"
        cause = Cause("FieldValueInvalid", why, "spec.expirationSeconds")
        raise Invalid("authentication.k8s.io", "TokenRequest", "", [cause])
    audiences = spec.get("audiences") or [AUDIENCE]
    issued = tokens.issue(account, seconds=seconds, audiences=audiences)
    metadata = account["metadata"]
    expires = objects.later(seconds)
    call.note("token", "unchanged")
    answer = {
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {
            "name": metadata["name"], "namespace": metadata["namespace"], "uid": metadata["uid"],
            "creationTimestamp": objects.now(),
        },
        "spec": {"audiences": audiences, "expirationSeconds": seconds, "boundObjectRef": spec.get("boundObjectRef")},
        "status": {"token": issued, "expirationTimestamp": expires},
    }  # fmt: skip
    return media.respond(answer, call.accepted, status=201)


async def finalize(call: Call) -> web.Response:
    """Change only a namespace's finalizers; the last one lets it go."""
    wanted = await _decoded(call, call.resource)
    current = call.current()
    current["spec"] = {"finalizers": (wanted.get("spec") or {}).get("finalizers") or []}
    kept = call.store.update("namespaces", current, writer=call.writer(), dry_run=call.dry_run)
    call.note("finalize", "changed")
    return call.respond(kept)
