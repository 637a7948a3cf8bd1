"""Who may do what: authentication by bearer token and role-based access control.

https://kubernetes.io/docs/reference/access-authn-authz/rbac/
"""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .status import ApiError, Forbidden
from .store import Store
from .tokens import Tokens

Object = dict[str, Any]
RBAC = "rbac.authorization.k8s.io"
MASTERS = "system:masters"


@dataclass(frozen=True)
class User:
    """Who asks."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, list[str]] = field(default_factory=dict)

    def info(self) -> Object:
        """Return the `userInfo` of a review."""
        found: Object = {"username": self.name, "uid": self.uid, "groups": list(self.groups), "extra": self.extra}
        return {key: value for key, value in found.items() if value}


ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))


@dataclass(frozen=True)
class Attributes:
    """What is asked for: a verb on a resource or on a path."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @property
    def full_resource(self) -> str:
        """Return `pods/log` or `pods`."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


@dataclass(frozen=True)
class Decision:
    """Whether it is allowed, by which binding, and what went wrong on the way."""

    allowed: bool
    reason: str = ""
    errors: tuple[str, ...] = ()


class Access:
    """Authentication and authorization of one cluster."""

    def __init__(self, store: Store, tokens: Tokens, admin_token: str) -> None:
        self._store = store
        self._tokens = tokens
        self._admin_token = admin_token

    def authenticate(self, headers: Mapping[str, str]) -> User:
        """Return who asks; anonymous where no token is given.

        Raises:
            ApiError: 401 for a token that is not good.
        """
        scheme, _, token = headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            return ANONYMOUS
        user = self.identify(token.strip())
        if user is None:
            raise ApiError(401, "Unauthorized", "Unauthorized")
        return user

    def identify(self, token: str) -> User | None:
        """Return whose token it is, or None."""
        if hmac.compare_digest(token.encode(), self._admin_token.encode()):
            return User("admin", (MASTERS, "system:authenticated"))
        found = self._tokens.verify(token)
        if found is None:
            return None
        account, claims = found
        metadata = account["metadata"]
        namespace = metadata["namespace"]
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
        extra = {"authentication.kubernetes.io/credential-id": [f"JTI={claims['jti']}"]}
        return User(f"system:serviceaccount:{namespace}:{metadata['name']}", groups, metadata["uid"], extra)

    def impersonate(self, user: User, headers: Mapping[str, str], asked: Attributes) -> User:
        """Return whom the request wants to be, where its user may impersonate them.

        Raises:
            ApiError: 403.
        """
        name = headers.get("Impersonate-User")
        if not name:
            return user
        wanted = Attributes("impersonate", resource="users", name=name)
        if not self.decide(user, wanted).allowed:
            self.require(user, replace(asked, verb=f"impersonate-on:user-info:{asked.verb}"))
        groups = getattr(headers, "getall", lambda _key, default: default)("Impersonate-Group", [])
        if name.startswith("system:serviceaccount:"):
            namespace = name.split(":")[2]
            groups = [*groups, "system:serviceaccounts", f"system:serviceaccounts:{namespace}"]
        return User(name, (*groups, "system:authenticated"))

    def require(self, user: User, asked: Attributes) -> None:
        """Refuse what the user may not do.

        Raises:
            ApiError: 403 as the real server words it.
        """
        decision = self.decide(user, asked)
        if decision.allowed:
            return
        who = f'User "{user.name}" cannot {asked.verb}'
        if asked.path:
            raise ApiError(403, "Forbidden", f'forbidden: {who} path "{asked.path}"', {})
        where = f'in the namespace "{asked.namespace}"' if asked.namespace else "at the cluster scope"
        why = f'{who} resource "{asked.full_resource}" in API group "{asked.group}" {where}'
        if decision.errors:
            why += f": RBAC: {', '.join(decision.errors)}"
        resource = f"{asked.resource}.{asked.group}" if asked.group else asked.resource
        raise Forbidden(resource, asked.name, why)

    def decide(self, user: User, asked: Attributes) -> Decision:
        """Return whether some binding allows it."""
        if MASTERS in user.groups:
            return Decision(allowed=True)
        errors: list[str] = []
        for rule, reason in self._rules(user, asked.namespace, errors):
            if _allows(rule, asked):
                return Decision(allowed=True, reason=reason)
        return Decision(allowed=False, errors=tuple(errors))

    def rules(self, user: User, namespace: str) -> list[Object]:
        """Return all rules that hold for the user in a namespace."""
        if MASTERS in user.groups:
            everything = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
            return [everything, {"verbs": ["*"], "nonResourceURLs": ["*"]}]
        return [rule for rule, _ in self._rules(user, namespace, [])]

    def _rules(self, user: User, namespace: str, errors: list[str]) -> Iterator[tuple[Object, str]]:
        bindings = [("ClusterRoleBinding", each) for each in self._store.scan(f"clusterrolebindings.{RBAC}")]
        if namespace:
            bindings += [("RoleBinding", each) for each in self._store.scan(f"rolebindings.{RBAC}", namespace)]
        for kind, binding in bindings:
            scope = binding["metadata"].get("namespace", "")
            subject = next((each for each in binding.get("subjects") or () if _is(each, user, scope)), None)
            if subject is None:
                continue
            reference = binding["roleRef"]
            if reference["kind"] == "Role":
                role = self._store.peek(f"roles.{RBAC}", scope, reference["name"])
            else:
                role = self._store.peek(f"clusterroles.{RBAC}", None, reference["name"])
            if role is None:
                errors.append(f'{reference["kind"].lower()}.{RBAC} "{reference["name"]}" not found')
                continue
            title = f"{binding['metadata']['name']}/{scope}" if scope else binding["metadata"]["name"]
            who = f'{subject["kind"]} "{_subject_name(subject, scope)}"'
            reason = f'RBAC: allowed by {kind} "{title}" of {reference["kind"]} "{reference["name"]}" to {who}'
            for rule in role.get("rules") or ():
                yield rule, reason


def _subject_name(subject: Object, scope: str) -> str:
    if subject["kind"] == "ServiceAccount":
        return f"{subject['name']}/{subject.get('namespace') or scope}"
    return str(subject["name"])


def _is(subject: Object, user: User, scope: str) -> bool:
    if subject["kind"] == "Group":
        return subject["name"] in user.groups
    if subject["kind"] == "ServiceAccount":
        return user.name == f"system:serviceaccount:{subject.get('namespace') or scope}:{subject['name']}"
    return bool(subject["name"] == user.name)


def _allows(rule: Object, asked: Attributes) -> bool:
    verbs = rule.get("verbs") or ()
    if "*" not in verbs and asked.verb not in verbs:
        return False
    if asked.path:
        paths = rule.get("nonResourceURLs") or ()
        return any(p in ("*", asked.path) or (p.endswith("*") and asked.path.startswith(p[:-1])) for p in paths)
    groups = rule.get("apiGroups") or ()
    if "*" not in groups and asked.group not in groups:
        return False
    resources = rule.get("resources") or ()
    wanted = {"*", asked.full_resource}
    if asked.subresource:
        wanted.add(f"*/{asked.subresource}")
    if not wanted & set(resources):
        return False
    names = rule.get("resourceNames")
    return not names or asked.name in names
