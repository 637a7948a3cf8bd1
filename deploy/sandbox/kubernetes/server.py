"""One cluster: store, access, API, and (started with it) its controllers and node.

Flow of a request: who (401) -> may they (403) -> what is it (404, 405, 406) -> the verb -> the answer's form.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiohttp import web

from deploy.sandbox.common.host import Context

from . import (
    bootstrap,
    discovery,
    ephemeral,
    media,
    openapi,
    options,
    reviews,
    routes,
    subresources,
    verbs,
)
from .access import Access, Attributes, User
from .admission import Admission
from .resources import BY_PATH, GROUPS, Resource
from .routes import Route
from .status import ApiError, Forbidden, bad_request, method_not_allowed, unknown_resource
from .store import Event, Store
from .streams import execution, logs, portforward
from .tokens import Tokens
from .verbs import Call
from .watch import Watch

if TYPE_CHECKING:
    from .controllers import Controllers
    from .kubelet import Kubelet

Object = dict[str, Any]
_HEALTH = ("/healthz", "/livez", "/readyz")
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_VERBS: dict[str, Callable[[Call], Awaitable[web.Response]]] = {
    "get": verbs.get,
    "list": verbs.list_objects,
    "create": verbs.create,
    "update": verbs.update,
    "patch": verbs.patch,
    "delete": verbs.delete,
    "deletecollection": verbs.delete_collection,
}


async def _status(call: Call) -> web.Response:
    if call.route.verb == "get":
        return await verbs.get(call)
    if call.route.verb == "update":
        return await verbs.update(call, status=True)
    return await verbs.patch(call, status=True)


_SUBRESOURCES: dict[str, Callable[[Call], Awaitable[web.Response]]] = {
    "status": _status,
    "scale": subresources.scale,
    "binding": subresources.binding,
    "eviction": subresources.eviction,
    "finalize": subresources.finalize,
    "ephemeralcontainers": ephemeral.ephemeral_containers,
}


def __getattr__(name: str) -> Any:
    """Return `Ingress`, which lives beside the node so that each side can be loaded alone."""
    if name == "Ingress":
        from .ingress import Ingress

        return Ingress
    raise AttributeError(name)


class Cluster:
    """A Kubernetes API server by the name of its cluster; with `node`, its controllers and kubelet too."""

    tls = True

    def __init__(self, context: Context, name: str, *, node: bool = True) -> None:
        self.context = context
        self.name = name
        self.store: Store
        self.tokens: Tokens
        self.access: Access
        self.controllers: Controllers | None = None
        self.kubelet: Kubelet | None = None
        self._with_node = node
        self._unsubscribe: list[Callable[[], None]] = []

    @property
    def folder(self) -> Path:
        """Return where the cluster keeps its state."""
        return self.context.folder(self.name)

    @property
    def admin_token(self) -> str:
        """Return the token of the cluster's administrator."""
        return self.context.password(f"{self.name}-admin")

    async def start(self) -> None:
        """Open the store, create what every cluster has, start controllers and node."""
        self.store = Store(self.folder / "store.sqlite")
        self.tokens = Tokens(self.store, self.context.password(f"{self.name}-signing-key", length=32))
        self.access = Access(self.store, self.tokens, self.admin_token)
        self.store.admission = Admission(self.store)
        bootstrap.bootstrap(self.store, self.name, self.context.authority.ca_pem)
        self._unsubscribe = [
            self.store.subscribe(self._on_namespace, "namespaces"),
            self.store.subscribe(self._on_secret, "secrets"),
        ]
        self._write_kubeconfig()
        if self._with_node:
            from .controllers import Controllers
            from .kubelet import Kubelet

            self.controllers, self.kubelet = Controllers(self), Kubelet(self)
            await self.controllers.start()
            await self.kubelet.start()

    async def stop(self) -> None:
        """Stop node and controllers; pods go on running."""
        for part in (self.kubelet, self.controllers):
            if part is not None:
                await part.stop()
        self.kubelet = self.controllers = None
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        self.store.close()

    def issue_token(self, namespace: str, account: str) -> str:
        """Return a token of a ServiceAccount for a pod's volume, good for an hour; empty where there is no account."""
        found = self.store.peek("serviceaccounts", namespace, account)
        return "" if found is None else self.tokens.issue(found, seconds=3607)

    def endpoints(self) -> dict[str, Any]:
        """Return what a client needs: server, token, kubeconfig, context, ingress."""
        found = {
            "server": self.context.url(self.name), "token": self.admin_token,
            "kubeconfig": str(self._kubeconfig), "context": self.name,
        }  # fmt: skip
        if f"{self.name}-ingress" in self.context.ports:
            found["ingress"] = self.context.url(f"{self.name}-ingress", "http")
        return found

    @property
    def _kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    def _write_kubeconfig(self) -> None:
        authority = base64.b64encode(self.context.authority.ca_pem.encode()).decode()
        cluster = {"server": self.context.url(self.name), "certificate-authority-data": authority}
        content = {
            "apiVersion": "v1", "kind": "Config", "current-context": self.name,
            "clusters": [{"name": self.name, "cluster": cluster}],
            "users": [{"name": f"{self.name}-admin", "user": {"token": self.admin_token}}],
            "contexts": [{"name": self.name, "context": {"cluster": self.name, "user": f"{self.name}-admin"}}],
        }  # fmt: skip
        self._kubeconfig.touch(mode=0o600)
        self._kubeconfig.write_bytes(media.to_yaml(content))

    def _on_namespace(self, event: Event) -> None:
        if event.type == "ADDED":
            name, ca_pem = event.object["metadata"]["name"], self.context.authority.ca_pem
            asyncio.get_running_loop().call_soon(bootstrap.furnish, self.store, name, ca_pem)

    def _on_secret(self, event: Event) -> None:
        if event.type == "ADDED" and event.object.get("type") == "kubernetes.io/service-account-token":
            metadata = event.object["metadata"]
            asyncio.get_running_loop().call_soon(self._fill_secret, metadata["namespace"], metadata["name"])

    def _fill_secret(self, namespace: str, name: str) -> None:
        secret = self.store.get("secrets", namespace, name)
        filled = self.tokens.fill_secret(secret, self.context.authority.ca_pem) if secret else None
        if filled is not None:
            self.store.update("secrets", filled)

    # Requests

    def application(self) -> web.Application:
        """Return the API as an aiohttp application."""
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._answer)
        return application

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self._dispatch(request)
        except ApiError as exc:
            response = media.respond(exc.body(), media.Accepted(), status=exc.code)
            response.headers.update(exc.headers)
            return response

    async def _dispatch(self, request: web.Request) -> web.StreamResponse:
        user = self.access.authenticate(request.headers)
        route = routes.parse(request.method, request.path, request.query)
        asked = Attributes(request.method.lower(), path=request.path) if route is None else route.attributes()
        user = self.access.impersonate(user, request.headers, asked)
        self.access.require(user, asked)
        if route is None:
            return self._fixed(request)
        if route.group and route.group not in GROUPS:
            return web.Response(status=404, text="404 page not found\n")
        resource = BY_PATH.get((route.group, route.version, route.plural))
        if resource is None or (resource.namespaced and not route.namespace and route.name):
            raise unknown_resource()
        return await self._resource(request, user, route, resource)

    async def _resource(self, request: web.Request, user: User, route: Route, resource: Resource) -> web.StreamResponse:
        if route.subresource in ("log", "exec", "attach", "portforward"):
            accepted = media.Accepted()
        else:
            accepted = media.negotiate(request.headers.get("Accept", ""))
        call = Call(request, self.store, self.access, user, route, resource, accepted)
        if resource.review:
            if route.verb != "create":
                raise method_not_allowed()
            return await reviews.review(call)
        if route.subresource:
            return await self._subresource(call)
        if route.verb not in resource.verbs or (route.verb == "create" and route.name):
            raise method_not_allowed()
        if route.verb == "create" and resource.namespaced and not route.namespace:
            raise bad_request("an empty namespace may not be set during creation")
        if route.verb == "watch":
            watch = Watch(self.store, resource, call.namespace or "", route.name, request.query, accepted)
            return await watch.serve(request, self._cut_after(request))
        return await _VERBS[route.verb](call)

    def _cut_after(self, request: web.Request) -> float | None:
        fault = self.context.faults.take(self.name, request.method, request.path_qs, ("cut_stream",))
        return None if fault is None else fault.seconds

    async def _subresource(self, call: Call) -> web.StreamResponse:
        route = call.route
        sub = call.resource.subresource(route.subresource)
        if sub is None:
            raise unknown_resource()
        if route.verb not in sub.verbs:
            raise method_not_allowed()
        if sub.name in ("exec", "attach", "portforward"):
            asked = replace(route.attributes(), verb="create")
            if not self.access.decide(call.user, asked).allowed:
                raise Forbidden(route.plural, route.name, "")  # the real server gives no reason either
        if sub.name in _SUBRESOURCES:
            return await _SUBRESOURCES[sub.name](call)
        match sub.name:
            case "log":
                return await logs.logs(call, self.kubelet, self._cut_after(call.request))
            case "exec" | "attach":
                return await execution.exec_or_attach(call, self.kubelet)
            case "portforward":
                return await portforward.port_forward(call, self.kubelet)
            case _:
                options.check(call.request.query, "CreateOptions")
                return await subresources.token(call, self.tokens)

    def _fixed(self, request: web.Request) -> web.Response:
        """Answer a path that is no resource: version, health, discovery, OpenAPI."""
        if request.method not in ("GET", "HEAD"):
            raise method_not_allowed()
        path = request.path.rstrip("/") or "/"
        if path.startswith(_HEALTH):
            return _health(request)
        if path == "/version":
            return media.respond(discovery.version_info(), media.Accepted())
        accepted = media.negotiate(request.headers.get("Accept", ""))
        if path in ("/api", "/apis") and accepted.form == "APIGroupDiscoveryList":
            return _aggregated(request, accepted, core=path == "/api")
        found = self._document(path)
        if found is None:
            return web.Response(status=404, text="404 page not found\n")
        return media.respond(found, replace(accepted, form=""))

    def _document(self, path: str) -> Object | bytes | None:
        parts = path.strip("/").split("/")
        match parts:
            case [""]:
                return {"paths": ["/api", "/api/v1", "/apis", *_HEALTH, "/openapi/v3", "/version"]}
            case ["api"]:
                return discovery.core_versions(self.context.url(self.name).partition("//")[2])
            case ["apis"]:
                return discovery.group_list()
            case ["api", version]:
                return _known(discovery.resource_list("", version))
            case ["apis", group]:
                return discovery.group(group)
            case ["apis", group, version] if group in GROUPS:
                return _known(discovery.resource_list(group, version))
            case ["openapi", "v3"]:
                return openapi.index()
            case ["openapi", "v3", *place]:
                return openapi.document("/".join(place))
        return None


def _known(document: Object | None) -> Object:
    if document is None:
        raise unknown_resource()
    return document


def _health(request: web.Request) -> web.Response:
    text = "ok"
    if "verbose" in request.query:
        text = f"[+]ping ok\n[+]log ok\n[+]store ok\n{request.path.strip('/')} check passed\n"
    return web.Response(text=text, headers={"X-Content-Type-Options": "nosniff"})


def _aggregated(request: web.Request, accepted: media.Accepted, *, core: bool) -> web.Response:
    body, tag = discovery.aggregated(core=core, version=accepted.version)
    headers = {"ETag": tag, "Vary": "Accept"}
    if request.headers.get("If-None-Match") == tag:
        return web.Response(status=304, headers=headers)
    form = f"application/json;g=apidiscovery.k8s.io;v={accepted.version};as=APIGroupDiscoveryList"
    return web.Response(body=body, headers={**headers, "Content-Type": form})
