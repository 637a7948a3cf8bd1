"""Questions about a cluster and about ourselves in it: version, what it offers, what we may do."""

from __future__ import annotations

from collections.abc import Iterable

from apps.integrations.calls import Effect
from apps.integrations.errors import Missing, Unauthorized, UnexpectedResponse

from .answers import SYSTEM
from .entities import Action, Capabilities, Permission, Version
from .kinds import kind_of
from .wire import Wire


class ServerFacts(Wire):
    """The part of the client that asks about the server."""

    def version(self) -> Version:
        """Return the server's version."""
        said = self._json("GET", "/version", operation="read version")
        try:
            return Version(int(said["major"]), int(said["minor"].rstrip("+")), said["gitVersion"])
        except (KeyError, ValueError, AttributeError) as exc:
            raise UnexpectedResponse(SYSTEM, "read version", 200, "this is not a Kubernetes version") from exc

    def capabilities(self) -> Capabilities:
        """Return what the cluster offers, by discovery: for when it is added and now and then."""
        groups = self._json("GET", "/apis", operation="discover groups").get("groups") or []
        try:
            listing = self._json("GET", kind_of("IngressClass").path(), operation="list ingressclasses")
            found = listing.get("items") or []
            controllers: dict[str, str] | None = {
                item["metadata"]["name"]: str((item.get("spec") or {}).get("controller", "")) for item in found
            }
        except (Unauthorized, Missing):
            controllers = None
        return Capabilities(self.version(), frozenset(group["name"] for group in groups), controllers)

    def permissions(self, actions: Iterable[Action]) -> list[Permission]:
        """Return for each action whether our credentials may do it, by SelfSubjectAccessReview.

        https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access
        """
        return [self._permission(action) for action in actions]

    def _permission(self, action: Action) -> Permission:
        wanted = {
            "verb": action.verb, "group": action.group, "resource": action.resource,
            "subresource": action.subresource, "namespace": action.namespace, "name": action.name,
        }  # fmt: skip
        attributes = {key: text for key, text in wanted.items() if text}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": attributes},
        }
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        answer = self._json("POST", path, operation="review access", effect=Effect.READ, body=review)
        status = answer.get("status") or {}
        return Permission(action, bool(status.get("allowed")), str(status.get("reason", "")))

    def whoami(self) -> str:
        """Return the user name the server knows us by; empty where the server is too old to say (before 1.28)."""
        path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        try:
            answer = self._json("POST", path, operation="review subject", effect=Effect.READ, body=review)
        except Missing:
            return ""
        return str(((answer.get("status") or {}).get("userInfo") or {}).get("username", ""))
