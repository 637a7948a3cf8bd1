"""What was in a scenario's namespace before the recording began, and how its images behave."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any

from deploy.sandbox.images.oci import Entry

Object = dict[str, Any]
# The image of the recordings served HTTP on port 8080 and wrote a line a second.
_APPLICATION = b"""
import http.server, threading, time, signal, os

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path in ("/", "/healthz", "/readyz") else 404)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"ok\\n")
    def log_message(self, *_): pass

def stop(*_):
    time.sleep(1)
    os._exit(0)

signal.signal(signal.SIGTERM, stop)
server = http.server.ThreadingHTTPServer(("", 8080), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
for number in range(1, 100000):
    print(time.strftime("%Y-%m-%dT%H:%M:%S+00:00"), "INFO tick", number, flush=True)
    time.sleep(1)
"""
_PROGRAMS = {
    "web": _APPLICATION,
    "crash": b"import sys\nprint('boom')\nsys.exit(3)\n",
    "oom": b"import time\nblocks = []\nwhile True:\n    blocks.append(b'x' * 4_000_000)\n    time.sleep(0.02)\n",
}
IMAGES = [("web", "v1"), ("web", "v2"), ("web", "v3"), ("crash", "v1"), ("oom", "v1")]


def program(name: str) -> Entry:
    """Return what an image of the recordings does, in place of the test image's program."""
    return Entry.file("app/app.py", _PROGRAMS[name])


_IMAGE = "demo/web:v1"


def _container(name: str, script: str | None = None, **more: Any) -> Object:
    command = {} if script is None else {"command": ["sh", "-c", script]}
    return {"name": name, "image": _IMAGE, "imagePullPolicy": "IfNotPresent", **command, **more}


def pod(name: str, *containers: Object, **spec: Any) -> Object:
    """Return a pod as the recorder made them."""
    return {
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}},
        "spec": {"terminationGracePeriodSeconds": 2, "dnsPolicy": "Default", "automountServiceAccountToken": False,
                 "containers": list(containers), **spec},
    }  # fmt: skip


def deployment(
    name: str, replicas: int = 2, *, script: str | None = None, image: str = _IMAGE, probe: bool = True
) -> Object:
    """Return a Deployment as the recorder made them."""
    labels = {"app": name}
    container = _container("web", script, image=image, ports=[{"name": "http", "containerPort": 8080}])
    if probe:
        container["readinessProbe"] = {"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 1}
    template = {**pod(name, container), "metadata": {"labels": labels}}
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "labels": labels},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels},
                 "template": {"metadata": {"labels": labels}, "spec": template["spec"]}},
    }  # fmt: skip


def _config_map(name: str, labels: dict[str, str] | None = None, **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "labels": labels or {}}, "data": data}


def _secret(name: str, tier: str, **metadata: str) -> Object:
    data = {"v": base64.b64encode(b"1").decode()}
    return {
        "apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "labels": {"tier": tier}, **metadata}, "data": data,
    }  # fmt: skip


_WEB = _container("web", ports=[{"name": "http", "containerPort": 8080}],
                  readinessProbe={"httpGet": {"path": "/healthz", "port": "http"}, "periodSeconds": 1})  # fmt: skip
_NO_IMAGE = {**_container("app"), "image": "127.0.0.1:5000/demo/missing:v9"}
_BIG = {"resources": {"requests": {"cpu": "1000"}}}
_PENDING = pod("pending", _container("app", **_BIG))
_DONE = pod("done", _container("app", "echo first; echo second; printf 'no newline at the end'"), restartPolicy="Never")
_CRASH = pod("crash", _container("app", image="demo/crash:v1"))
_CRASH_WITH_TOKEN = pod("crash", _container("app", image="demo/crash:v1"), automountServiceAccountToken=True)
_TICKS = "trap 'exit 0' TERM; i=0; while [ $i -lt {} ]; do i=$((i+1)); echo tick $i; sleep 1; done"
_INIT = [_container("migrate", "echo migrating 1; echo migrating 2; sleep 600")]


def _may_exec(verb: str) -> list[Object]:
    """Return a Role and its binding to bob that allow one more verb on pods/exec."""
    group, kind = "rbac.authorization.k8s.io", "ServiceAccount"
    rule = {"apiGroups": [""], "resources": ["pods/exec"], "verbs": [verb]}
    return [
        {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": {"name": f"exec-{verb}"}, "rules": [rule]},
        {"apiVersion": f"{group}/v1", "kind": "RoleBinding", "metadata": {"name": f"exec-{verb}"},
         "subjects": [{"kind": kind, "name": "bob"}], "roleRef": {"apiGroup": group, "kind": "Role", "name": f"exec-{verb}"}},
    ]  # fmt: skip


def _budget(name: str, **bound: int) -> Object:
    spec = {"selector": {"matchLabels": {"app": "web"}}, **bound}
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name}, "spec": spec}


@dataclass(frozen=True)
class Scene:
    """What the recorder made outside the exchanges, before exchange `before`; it goes on when `ready` are, and where it is to be
    `still`, when no pod is ending and no Deployment is on its way.

    `pods` gives pods of a Deployment the generated names that they have in the recording. `changes` are merged into objects that are
    there, `during` the exchange instead of before it.
    """

    objects: list[Object]
    before: int = 0
    ready: tuple[str, ...] = ()
    pods: dict[str, list[str]] = field(default_factory=dict)
    changes: list[Object] = field(default_factory=list)
    during: bool = False
    still: bool = False


SCENES: dict[str, list[Scene]] = {
    "04-rollout": [
        Scene([], before=63, changes=[{**deployment("web"), "spec": {"replicas": 2}}]), Scene([], before=65, ready=("web",)),
    ],
    "06-logs": [
        Scene([
            pod("init", _container("web"), initContainers=_INIT), pod("web", _WEB), _PENDING, _DONE, _CRASH_WITH_TOKEN,
            pod("two", _container("a"), _container("b", "while :; do echo err from b >&2; echo out from b; sleep 1; done")),
            pod("noimage", _NO_IMAGE),
            pod("noconfig", _container("app", env=[{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "no", "key": "a"}}}])),
            {**_CRASH_WITH_TOKEN, "metadata": {"name": "crash1"}},
        ], ready=("web", "two")),
        Scene([pod("restarting", _container("app", _TICKS.format(3)))], before=35),
        Scene([pod("short2", _container("app", _TICKS.format(3)), restartPolicy="Never")], before=41, ready=("short2",)),
    ],
    "07-exec": [
        Scene([
            pod("web", _WEB), pod("two", _container("a"), _container("b")), _PENDING, _DONE, pod("noimage", _NO_IMAGE),
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "bob"}},
        ], ready=("web", "two")),
        Scene(_may_exec("get"), before=47), Scene(_may_exec("create"), before=49),
    ],
    "09-watch-and-list": [
        Scene([_config_map(name, {"tier": "web" if name in "abe" else "db"}, v="1") for name in "abcde"]),
        Scene([_config_map(f"noise{number}") for number in range(5)], before=14),
        Scene([_secret(name, "web" if name in "abeh" else "db") for name in "abcdefgh"], before=42),
        Scene([], before=50, during=True, changes=[_config_map("a", v="9")]),
        Scene([_secret(f"p{number}", "web", namespace="rec-pages") for number in range(1, 6)], before=59),
    ],
    "12-services-and-friends": [Scene([], before=15, ready=("shop",))],
    "13-eviction-and-deletion": [
        Scene([deployment("web")], ready=("web",), pods={"web": ["web-84b94869d-5kp8x", "web-84b94869d-w4mcc"]}),
        Scene([_budget("second", minAvailable=1)], before=11),
        *(Scene([deployment(f"p-{kind}")], before=number, ready=(f"p-{kind}",))
          for kind, number in (("background", 13), ("foreground", 23), ("orphan", 33))),
        Scene([deployment("plain", 1)], before=46),
        Scene([pod("waiting", _container("app"))], before=53),
    ],
    "14-tables": [
        Scene([
            pod("big", _container("app", **_BIG)), _CRASH, _DONE,
            pod("failed", _container("app", "exit 7"), restartPolicy="Never"),
            pod("init", _container("app"), initContainers=[_container("one", "true"), _container("two", "sleep 600")]),
            pod("initfail", _container("app"), initContainers=[_container("one", "exit 2")]),
            pod("noimage", _NO_IMAGE), deployment("web", 1),
        ], ready=("web",)),
    ],
    "15-ephemeral-containers": [Scene([pod("web", _WEB)], ready=("web",))],
    "16-events": [
        Scene([
            pod("sick", _container("web", readinessProbe={"httpGet": {"path": "/nosuch", "port": 8080}, "periodSeconds": 1, "initialDelaySeconds": 1})),
            pod("big", _container("app", **_BIG)), deployment("web", 1, probe=False), _CRASH,
        ], before=2),
    ],
}  # fmt: skip


def made_like(recorded: Object) -> Object:
    """Return a new pod that becomes what a recorded answer shows."""
    new: Object = json.loads(json.dumps({name: value for name, value in recorded.items() if name != "status"}))
    kept = ("name", "labels", "annotations", "finalizers")
    new["metadata"] = {name: value for name, value in new["metadata"].items() if name in kept}
    new["spec"].pop("nodeName", None)
    return new


def scenes_of(name: str, scenario: list[Object]) -> list[Scene]:
    """Return a scenario's scenes; the pods of the one about pods are made as its answers show them."""
    if name == "04-rollout":  # each step began when the one before was over
        steps = [Scene([], each["n"], still=True) for each in scenario if each["note"].endswith("watch of deployments")]
        return sorted([*steps, *SCENES[name]], key=lambda scene: scene.before)
    if name != "05-pod-states":
        return SCENES.get(name, [])
    shown: dict[str, Object] = {}
    for each in scenario:
        body = each["response"].get("body") or {}
        if each["request"]["method"] == "GET" and body.get("kind") == "Pod":
            shown.setdefault(body["metadata"]["name"], made_like(body))
    del shown["running"]  # its making is recorded
    soon_over = shown.pop("deadline")  # it is to run before its time is over
    return [
        Scene([soon_over], before=4, ready=("deadline",)),
        Scene([_config_map("cfg", v="1"), *shown.values()], before=4),
    ]
