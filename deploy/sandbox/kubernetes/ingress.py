"""The cluster's Ingress controller: an HTTP reverse proxy on a loopback port that routes by host name and path to ready pods.

It behaves as ingress-nginx does with its usual settings, with one difference: a request is tried on one endpoint only
(`proxy-next-upstream: off`). ingress-nginx would try another endpoint after a failed connect, which hides a release that
drops requests; here each one is seen. Endpoints are looked up for every request, so a change counts at once.

404 where no rule fits, 503 where a Service has no ready endpoint, 502 where the pod refuses or breaks off, 504 where it
is silent. https://kubernetes.io/docs/concepts/services-networking/ingress/ and https://kubernetes.github.io/ingress-nginx/
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import h11
from aiohttp import web

from deploy.sandbox.common.host import Context

from .pods.client import Shim
from .proxy import Exchange
from .store import Event, Store

Object = dict[str, Any]
INGRESSES, SLICES = "ingresses.networking.k8s.io", "endpointslices.discovery.k8s.io"
CLASSES = ("", "nginx")
CONNECT_TIMEOUT = 5.0


class Cluster(Protocol):
    """What the proxy needs of its cluster."""

    name: str
    store: Store


@dataclass(frozen=True)
class Endpoint:
    """A pod to talk to."""

    namespace: str
    pod: str
    uid: str
    port: int


class Ingress:
    """The proxy of one cluster. A restart of the API server does not stop it."""

    tls = False

    def __init__(self, context: Context, cluster: Cluster) -> None:
        self.name = f"{cluster.name}-ingress"
        self._context = context
        self._cluster = cluster
        self._turn = itertools.count()
        self._unsubscribe: Callable[[], None] | None = None

    async def start(self) -> None:
        """Publish our address in the Ingresses' status, now and when one comes."""
        store = self._cluster.store
        self._unsubscribe = store.subscribe(self._on_ingress, INGRESSES)
        for ingress in store.list(INGRESSES):
            self._publish(ingress)

    async def stop(self) -> None:
        """Publish no more."""
        if self._unsubscribe is not None:
            self._unsubscribe()

    def endpoints(self) -> dict[str, Any]:
        """Return the address; names under `.localhost` reach it on most machines, else send a Host header."""
        return {"url": self._context.url(self.name, "http")}

    def application(self) -> web.Application:
        """Return the proxy."""
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._answer)
        return application

    def _on_ingress(self, event: Event) -> None:
        if event.type == "ADDED":
            asyncio.get_running_loop().call_soon(self._publish, event.object)

    def _publish(self, ingress: Object) -> None:
        store, metadata = self._cluster.store, ingress["metadata"]
        fresh = store.get(INGRESSES, metadata["namespace"], metadata["name"])
        if fresh is None or fresh["spec"].get("ingressClassName", "") not in CLASSES:
            return
        fresh["status"] = {"loadBalancer": {"ingress": [{"ip": "127.0.0.1"}]}}
        store.update(INGRESSES, fresh, status=True)

    # Routing

    def route(self, host: str, path: str) -> tuple[str, Object] | None:
        """Return (namespace, backend) of the rule that fits best, or None."""
        best: tuple[tuple[int, ...], str, Object] | None = None
        for ingress in self._cluster.store.scan(INGRESSES):
            spec, namespace = ingress["spec"], ingress["metadata"]["namespace"]
            if spec.get("ingressClassName", "") not in CLASSES or "deletionTimestamp" in ingress["metadata"]:
                continue
            for worth, backend in _candidates(spec, host.lower(), path):
                if best is None or worth > best[0]:
                    best = (worth, namespace, backend)
        return None if best is None else (best[1], best[2])

    def choose(self, namespace: str, backend: Object) -> Endpoint | None:
        """Return the ready endpoint whose turn it is, or None."""
        name = (backend.get("service") or {}).get("name", "")
        service = self._cluster.store.peek("services", namespace, name)
        if service is None:
            return None
        port = _service_port(service, backend["service"].get("port") or {})
        if port is None:
            return None
        found = []
        for each in self._cluster.store.scan(SLICES, namespace, labels={"kubernetes.io/service-name": name}):
            numbers = [
                entry["port"] for entry in each.get("ports") or () if entry.get("name", "") == port.get("name", "")
            ]
            for endpoint in each.get("endpoints") or ():
                target = endpoint.get("targetRef") or {}
                if numbers and endpoint["conditions"].get("ready") and target.get("kind") == "Pod":
                    found.append(Endpoint(namespace, target["name"], target["uid"], numbers[0]))
        return found[next(self._turn) % len(found)] if found else None

    # Proxying

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        routed = self.route(request.host.partition(":")[0], request.path)
        if routed is None:
            return _error(404, "404 Not Found")
        endpoint = self.choose(*routed)
        if endpoint is None:
            return _error(503, "503 Service Temporarily Unavailable")
        request["journal"] |= {"namespace": endpoint.namespace, "pod": endpoint.pod}
        shim = Shim(self._context.folder(self._cluster.name) / "pods" / endpoint.uid)
        try:
            sock = await shim.dial(endpoint.port, CONNECT_TIMEOUT)
            reader, writer = await asyncio.open_connection(sock=sock)
        except TimeoutError:
            return _error(504, "504 Gateway Time-out")
        except OSError:
            return _error(502, "502 Bad Gateway")
        exchange = Exchange(request, reader, writer)
        try:
            return await exchange.run()
        except TimeoutError:
            return exchange.break_off() or _error(504, "504 Gateway Time-out")
        except (OSError, EOFError, h11.ProtocolError):
            return exchange.break_off() or _error(502, "502 Bad Gateway")
        finally:
            writer.close()


def _service_port(service: Object, wanted: Object) -> Object | None:
    for port in service["spec"].get("ports") or ():
        if port["port"] == wanted.get("number") or (port.get("name") and port["name"] == wanted.get("name")):
            return dict(port)
    return None


def _candidates(spec: Object, host: str, path: str) -> list[tuple[tuple[int, ...], Object]]:
    """Return the backends that fit with their worth: the more exact host first, then exact paths, then longer ones."""
    found: list[tuple[tuple[int, ...], Object]] = []
    for rule in spec.get("rules") or ():
        wanted = (rule.get("host") or "").lower()
        wildcard = wanted.startswith("*.") and host.partition(".")[2] == wanted[2:]
        if wanted and wanted != host and not wildcard:
            continue
        host_worth = (2 if wildcard else 3) if wanted else 1
        for entry in (rule.get("http") or {}).get("paths") or ():
            prefix = entry.get("path") or "/"
            exact = entry.get("pathType") == "Exact"
            fits = path == prefix or (not exact and path.startswith(prefix.rstrip("/") + "/"))
            if fits:
                found.append(((host_worth, int(exact), len(prefix)), entry["backend"]))
    if spec.get("defaultBackend"):
        found.append(((0, 0, 0), spec["defaultBackend"]))
    return found


def _error(status: int, title: str) -> web.Response:
    head = f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
    page = f"{head}<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    return web.Response(status=status, text=page, content_type="text/html")
