"""Questions that leave nothing behind: who am I, may I, what may I, whose token is this.

https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from . import decoding, media, objects
from .access import Access, Attributes, User
from .status import Cause, Invalid
from .verbs import Call, read_body

Object = dict[str, Any]


async def review(call: Call) -> web.Response:
    """Answer a review."""
    body = await read_body(call.request)
    obj, _ = decoding.decode(call.resource, body, call.request.headers.get("Content-Type", ""), "Ignore")
    spec = obj.get("spec") or {}
    answer = {"kind": call.resource.kind, "apiVersion": call.resource.api_version, "metadata": {}}
    kind = call.resource.kind
    if kind == "SelfSubjectReview":
        answer["metadata"] = {"creationTimestamp": objects.now()}
        answer["status"] = {"userInfo": call.user.info()}
    elif kind == "TokenReview":
        answer |= {"spec": {}, "status": _whose(call.access, spec.get("token", ""))}
    elif kind == "SelfSubjectRulesReview":
        answer |= {"spec": {}, "status": _rules(call.access, call.user, spec.get("namespace", ""))}
    else:
        user = call.user
        if kind != "SelfSubjectAccessReview":
            user = User(spec.get("user", ""), tuple(spec.get("groups") or ()), spec.get("uid", ""))
        decision = call.access.decide(user, _asked(spec))
        status: Object = {"allowed": decision.allowed}
        if decision.reason:
            status["reason"] = decision.reason
        answer |= {"spec": spec, "status": status}
    return media.respond(answer, call.accepted, status=201)


def _asked(spec: Object) -> Attributes:
    resource, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if (resource is None) == (path is None):
        why = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        cause = Cause("FieldValueInvalid", f"Invalid value: null: {why}", "spec.resourceAttributes")
        raise Invalid("authorization.k8s.io", "", "", [cause])
    if resource is None:
        return Attributes((path or {}).get("verb", ""), path=(path or {}).get("path", ""))
    return Attributes(
        resource.get("verb", ""), resource.get("group", ""), resource.get("resource", ""),
        resource.get("subresource", ""), resource.get("namespace", ""), resource.get("name", ""),
    )  # fmt: skip


def _whose(access: Access, token: str) -> Object:
    user = access.identify(token)
    if user is None:
        return {"user": {}, "error": "invalid bearer token"}
    return {"authenticated": True, "user": user.info(), "audiences": ["https://kubernetes.default.svc"]}


def _rules(access: Access, user: User, namespace: str) -> Object:
    rules = access.rules(user, namespace)
    paths = [{"verbs": r["verbs"], "nonResourceURLs": r["nonResourceURLs"]} for r in rules if "nonResourceURLs" in r]
    return {
        "resourceRules": [rule for rule in rules if "nonResourceURLs" not in rule],
        "nonResourceRules": paths,
        "incomplete": False,
    }
