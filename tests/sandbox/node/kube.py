"""What these tests say to a cluster, in a few words."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import urllib3

from deploy.sandbox.images.oci import Entry, canonical, image_config, image_manifest, layer_bytes
from deploy.sandbox.images.transfer import Remote
from tests.sandbox.kubernetes.client import Answer, Client, new_namespace

Object = dict[str, Any]
PATHS = {
    "pods": "/api/v1", "services": "/api/v1", "configmaps": "/api/v1", "secrets": "/api/v1", "events": "/api/v1",
    "resourcequotas": "/api/v1", "endpoints": "/api/v1", "deployments": "/apis/apps/v1", "replicasets": "/apis/apps/v1",
    "statefulsets": "/apis/apps/v1", "daemonsets": "/apis/apps/v1", "jobs": "/apis/batch/v1", "cronjobs": "/apis/batch/v1",
    "endpointslices": "/apis/discovery.k8s.io/v1", "ingresses": "/apis/networking.k8s.io/v1",
    "poddisruptionbudgets": "/apis/policy/v1", "horizontalpodautoscalers": "/apis/autoscaling/v2",
}  # fmt: skip
APP = Path(__file__).with_name("app.py").read_bytes()


class Kube:
    """One namespace of a cluster."""

    def __init__(self, endpoints: Object) -> None:
        found = endpoints["north"]
        self.client = Client(found["server"], endpoints["ca"], found["token"])
        self.namespace = new_namespace(self.client)
        self.ingress_url = found["ingress"]
        self.registry: str = endpoints["harbor"]["registry"]
        self.image = f"{self.registry}/base/node-test:v1"

    def path(self, kind: str, name: str = "") -> str:
        return f"{PATHS[kind]}/namespaces/{self.namespace}/{kind}" + (f"/{name}" if name else "")

    def create(self, kind: str, obj: Object) -> Object:
        answer = self.client.post(self.path(kind), obj)
        assert answer.status == 201, answer.body
        return dict(answer.body)

    def get(self, kind: str, name: str) -> Object | None:
        answer = self.client.get(self.path(kind, name))
        return None if answer.status == 404 else dict(answer.body)

    def list(self, kind: str, query: str = "") -> list[Object]:
        return list(self.client.get(self.path(kind) + query).body["items"])

    def merge(self, kind: str, name: str, patch: Object) -> Object:
        answer = self.client.merge(self.path(kind, name), patch)
        assert answer.status == 200, answer.body
        return dict(answer.body)

    def delete(self, kind: str, name: str, query: str = "") -> Answer:
        return self.client.call("DELETE", self.path(kind, name) + query)

    def log(self, pod: str, query: str = "") -> str:
        answer = self.client.get(f"{self.path('pods', pod)}/log{query}")
        return answer.body if isinstance(answer.body, str) else json.dumps(answer.body)

    def pod(self, name: str, **container: Any) -> Object:
        """Create a pod with one container; `spec_…` arguments go to the pod's specification."""
        spec = {key.removeprefix("spec_"): container.pop(key) for key in list(container) if key.startswith("spec_")}
        spec.setdefault("terminationGracePeriodSeconds", 3)
        body = {"name": "app", "image": self.image, **container}
        return self.create(
            "pods", {"metadata": {"name": name, "labels": {"app": name}}, "spec": {"containers": [body], **spec}}
        )

    def status(self, pod: str) -> Object:
        found = self.get("pods", pod)
        assert found is not None
        return dict(found.get("status") or {})

    def container(self, pod: str) -> Object:
        return dict((self.status(pod).get("containerStatuses") or [{}])[0])

    def waiting(self, pod: str) -> str:
        return str(self.container(pod).get("state", {}).get("waiting", {}).get("reason", ""))

    def events(self, name: str) -> list[tuple[str, str]]:
        found = self.list("events", f"?fieldSelector=involvedObject.name%3D{name}")
        return [(each["reason"], each["message"]) for each in found]

    def wait(self, check: Callable[[], Any], timeout: float = 15.0) -> Any:
        deadline = time.monotonic() + timeout
        while not (answer := check()):
            if time.monotonic() > deadline:
                pods = [(each["metadata"]["name"], each.get("status")) for each in self.list("pods")]
                raise AssertionError(f"nothing came in {timeout} s: {json.dumps(pods)[:4000]}")
            time.sleep(0.05)
        return answer

    def rolled_out(self, name: str) -> bool:
        found = self.get("deployments", name)
        assert found is not None
        status, wanted = found.get("status") or {}, found["spec"]["replicas"]
        counts = {status.get(field, 0) for field in ("replicas", "updatedReplicas", "availableReplicas")}
        return bool(status.get("observedGeneration") == found["metadata"]["generation"] and counts == {wanted})

    def deployment(self, name: str, who: str, *, replicas: int = 2, **container: Any) -> Object:
        """Return a Deployment of the test application; `spec_…` arguments go to its own specification."""
        spec = {key.removeprefix("spec_"): container.pop(key) for key in list(container) if key.startswith("spec_")}
        probe = {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 1}
        environment = [{"name": "WHO", "value": who}, *container.pop("env", [])]
        body = {
            "name": "app", "image": self.image, "ports": [{"name": "http", "containerPort": 8080}], "readinessProbe": probe,
            "env": environment, **container,
        }  # fmt: skip
        labels = {"app": name}
        pod = {"containers": [{k: v for k, v in body.items() if v is not None}], "terminationGracePeriodSeconds": 8}
        return {
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {"replicas": replicas, "selector": {"matchLabels": labels},
                     "strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
                     "template": {"metadata": {"labels": labels}, "spec": pod}, **spec},
        }  # fmt: skip

    def apply(self, kind: str, obj: Object) -> Object:
        answer = self.client.apply(self.path(kind, obj["metadata"]["name"]), obj)
        assert answer.status in (200, 201), answer.body
        return dict(answer.body)

    def expose(self, name: str) -> str:
        """Create a Service and an Ingress for `app=name` and return the host name."""
        host = f"{name}.{self.namespace}.localhost"
        port = {"name": "http", "port": 80, "targetPort": "http"}
        self.create("services", {"metadata": {"name": name}, "spec": {"selector": {"app": name}, "ports": [port]}})
        backend = {"service": {"name": name, "port": {"name": "http"}}}
        rule = {"host": host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
        self.create("ingresses", {"metadata": {"name": name}, "spec": {"rules": [rule]}})
        return host

    def ask(self, host: str, path: str = "/", method: str = "GET", **more: Any) -> tuple[int, str]:
        """Ask the Ingress over a new connection."""
        pool = urllib3.PoolManager(retries=False, timeout=10.0)
        try:
            answer = pool.request(
                method, self.ingress_url + path, headers={"Host": host, "Connection": "close"}, **more
            )
            return answer.status, answer.data.decode()
        finally:
            pool.clear()


def pull_secret(registry: str, username: str, password: str) -> Object:
    """Return a Secret of type dockerconfigjson."""
    auth = base64.b64encode(f"{username}:{password}".encode()).decode()
    config = json.dumps({"auths": {registry: {"auth": auth}}})
    data = {".dockerconfigjson": base64.b64encode(config.encode()).decode()}
    return {"metadata": {"name": "pull"}, "type": "kubernetes.io/dockerconfigjson", "data": data}


def push_image(
    endpoints: Object, repository: str, tag: str, *, changes: list[Entry] | None = None, folder: Path
) -> str:
    """Push the test image (with a layer of `changes` on top) and return its digest."""
    import ssl

    first = [
        Entry.folder("app"), Entry.file("app/app.py", APP), Entry.file("app/old", b"old"), Entry.folder("etc"),
        Entry.file("etc/passwd", b"root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/app:/bin/sh\n"),
    ]  # fmt: skip
    layers = [layer_bytes(entries) for entries in ([first] if changes is None else [first, changes])]
    settings = {
        "Env": ["PATH=/opt/python/bin:/usr/bin:/bin", "GREETING=image"], "Cmd": ["python3", "-u", "/app/app.py"],
        "WorkingDir": "/app", "User": "app",
    }  # fmt: skip
    config = canonical(image_config(settings, [descriptor.diff_id for descriptor, _ in layers], []))
    harbor = endpoints["harbor"]
    tls = ssl.create_default_context(cafile=endpoints["ca"])
    with Remote(harbor["registry"], repository, tls, (harbor["username"], harbor["password"])) as remote:
        from deploy.sandbox.images.oci import CONFIG_TYPE, Descriptor, digest_of

        blobs = [*layers, (Descriptor(CONFIG_TYPE, digest_of(config), len(config)), config)]
        for descriptor, content in blobs:
            file = folder / descriptor.digest.partition(":")[2]
            file.write_bytes(content)
            remote.push_blob(descriptor, file, None)
        return remote.push_manifest(tag, image_manifest(config, [descriptor for descriptor, _ in layers]))
