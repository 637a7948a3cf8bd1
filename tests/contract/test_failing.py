"""Every cause that plain pods can have, named as on any cluster: all at once, since each takes its time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from apps.clusters.models import Cluster
from apps.deployments import services
from apps.deployments.models import Deployment, Status
from apps.integrations.errors import Rejected
from apps.integrations.kubernetes.client import KubernetesClient

from . import place as places
from .ground import Ground
from .images import UNREACHABLE
from .place import AMOUNTS, Change, Place, drive, pod_spec, shell, told

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
# What waiting does not mend ends early; the rest ends with the cluster's own deadline, which is this short here.
DEADLINE = 20
SECONDS = 420
FOR_EVER = "while :; do sleep 1; done"
# Eight mebibytes more each second: slow enough to be caught by any memory limit, on a small machine too.
EAT = 'c=xxxxxxxx; i=0; while [ $i -lt 20 ]; do c=$c$c; i=$((i+1)); done; while :; do kept="$kept$c"; sleep 1; done'
Prepare = Callable[[Place], None]


@dataclass(frozen=True)
class Case:
    """A version that does not come up: what to deploy, and what has to be said of it."""

    code: str
    document: dict[str, Any]
    params: dict[str, Any] = field(default_factory=dict)
    change: Change | None = None
    prepare: Prepare | None = None
    lines: list[str] | None = None


def ends(script: str, **changes: Any) -> dict[str, Any]:
    return shell(script, progress_deadline=DEADLINE * 6, **changes)


def hangs(**changes: Any) -> dict[str, Any]:
    return shell(FOR_EVER, progress_deadline=DEADLINE, **changes)


def probe(**fields: Any) -> dict[str, Any]:
    return {"type": "command", "command": ["sh", "-c", "echo not today; exit 1"], "period": 1, "timeout": 5} | fields


def killing(name: str) -> dict[str, Any]:
    """Return probes of which one has the container killed at once."""
    # A readiness probe that fails each second would use up the events that a kubelet tells of one pod.
    quiet: dict[str, Any] = {"readiness": probe(initial_delay=600), "liveness": None, "startup": None}
    return quiet | {name: probe(failure_threshold=1)}


def changed(change: Callable[[dict[str, Any]], None]) -> Change:
    """Return a change of the pod's spec."""
    return lambda objects: change(pod_spec(objects))


def container(spec: dict[str, Any]) -> dict[str, Any]:
    first: dict[str, Any] = spec["containers"][0]
    return first


def limits(name: str, kind: str, spec: dict[str, Any]) -> Prepare:
    """Return what puts a quota or limits into the namespace, as its administrator."""

    def put(place: Place) -> None:
        metadata = {"name": name, "namespace": place.namespace}
        item = {"apiVersion": "v1", "kind": kind, "metadata": metadata, "spec": spec}
        place.ground.client.apply(item, field_manager="contract")
        while kind == "ResourceQuota" and not place.ground.client.get(kind, name, place.namespace).get("status"):
            time.sleep(0.1)  # until it is counted for the first time, pods are refused with other words

    return put


def empty_config(place: Place) -> None:
    """Put a ConfigMap without any key into the namespace."""
    item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "there", "namespace": place.namespace}}
    place.ground.client.apply(item, field_manager="contract")


def restrict(place: Place) -> None:
    """Let the namespace take restricted pods only."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    place.ground.client.patch("Namespace", place.namespace, None, {"metadata": {"labels": labels}})


def beside(spec: dict[str, Any], name: str, script: str) -> dict[str, Any]:
    """Return one more container for a pod, of the same image."""
    given = {key: container(spec)[key] for key in ("image", "imagePullPolicy")}
    return given | {"name": name, "command": ["sh", "-c", script], "resources": AMOUNTS}


def with_init(script: str) -> Change:
    return changed(lambda spec: spec.update(initContainers=[beside(spec, "migrate", script)]))


def with_sidecar(script: str) -> Change:
    return changed(lambda spec: spec["containers"].append(beside(spec, "side", script)))


def from_missing(reference: dict[str, Any]) -> Change:
    variable = {"name": "MISSING", "valueFrom": reference}
    return changed(lambda spec: container(spec).setdefault("env", []).append(variable))


def with_volume(volume: dict[str, Any]) -> Change:
    def add(spec: dict[str, Any]) -> None:
        spec.setdefault("volumes", []).append({"name": "extra", **volume})
        container(spec).setdefault("volumeMounts", []).append({"name": "extra", "mountPath": "/extra"})

    return changed(add)


def with_image(image: str) -> Change:
    return changed(lambda spec: container(spec).update(image=image))


# A cluster writes one dollar sign for two. A signal is sent to a child: the first process of a container may ignore it.
CASES: dict[str, Case] = {
    "exit code": Case(
        "pod.crash_loop", ends("echo no database; exit 3"), {"exit_code": 3, "container": "app"}, lines=["no database"]
    ),
    "signal": Case("pod.crash_loop", ends("sh -c 'kill -SEGV $$$$'; exit $?"), {"exit_code": 139, "signal": "SIGSEGV"}),
    "ends well, but ends": Case("pod.keeps_ending", ends("echo done"), {"exit_code": 0}, lines=["done"]),
    "memory": Case("pod.oom_killed", ends(EAT), {"limit": "64Mi"}),
    "no such program": Case("pod.start_failed", ends("") | {"command": ["/no/such/program"]}),
    "not to be executed": Case("pod.start_failed", ends("") | {"command": ["/etc/passwd"]}),
    "liveness": Case("pod.liveness_failing", ends(FOR_EVER, probes=killing("liveness")), {"message": "not today"}),
    "startup": Case("pod.startup_failing", ends(FOR_EVER, probes=killing("startup")), {"message": "not today"}),
    "readiness": Case("pod.readiness_failing", hangs(probes=killing("readiness")), {"message": "not today"}),
    "never ready without a word": Case(
        "rollout.deadline_exceeded", hangs(probes={"readiness": probe(initial_delay=600), "liveness": None, "startup": None})
    ),
    "init container": Case(
        "pod.init_failed", ends(FOR_EVER), {"exit_code": 7, "container": "migrate"}, with_init("echo no schema; exit 7"),
        lines=["no schema"],
    ),
    "one of two containers": Case(
        "pod.crash_loop", ends(FOR_EVER), {"exit_code": 4, "container": "side"}, with_sidecar("exit 4")
    ),
    "no node has the label": Case("pod.unschedulable", hangs(node_selector={"slipway.io/contract": "nowhere"})),
    "no node has the cores": Case(
        "pod.unschedulable",
        hangs(resources={"requests": {"cpu": "900", "memory": "16Mi"}, "limits": {"cpu": "900", "memory": "16Mi"}}),
        {"short_of": ["cpu"]},
    ),
    "no such claim": Case("pod.unschedulable", hangs(), {}, with_volume({"persistentVolumeClaim": {"claimName": "gone"}})),
    "no such ConfigMap": Case(
        "pod.config_missing", hangs(), {"kind": "ConfigMap", "name": "gone"},
        from_missing({"configMapKeyRef": {"name": "gone", "key": "a"}}),
    ),
    "no such key": Case(
        "pod.config_key_missing",
        hangs(),
        {"kind": "ConfigMap", "key": "gone", "name": "there"},
        from_missing({"configMapKeyRef": {"name": "there", "key": "gone"}}),
        empty_config,
    ),
    "no such Secret to mount": Case(
        "pod.mount_missing", hangs() | {"progress_deadline": DEADLINE * 2}, {"kind": "Secret", "name": "gone"},
        with_volume({"secret": {"secretName": "gone"}}),
    ),
    "image name": Case("pod.image_name_invalid", ends(FOR_EVER), {}, with_image("Not A Valid:image:name")),
    "registry away": Case("pod.image_unreachable", hangs(), {"image": UNREACHABLE}, with_image(UNREACHABLE)),
    "quota": Case(
        "workload.quota_exceeded", hangs(), {"quota": "small"}, None,
        limits("small", "ResourceQuota", {"hard": {"pods": "0"}}),
    ),
    "limit range": Case(
        "workload.limit_range", hangs(), {}, None,
        limits("small", "LimitRange", {"limits": [{"type": "Container", "max": {"memory": "32Mi"}}]}),
    ),
}  # fmt: skip


def cases_here(ground: Ground, image: str) -> dict[str, Case]:
    """Return the cases that this cluster and these images can have."""
    found = dict(CASES)
    if ground.images.missing:
        missing = ground.images.missing
        found["no such image"] = Case("pod.image_missing", ends(FOR_EVER), {"image": missing}, with_image(missing))
    if ground.images.denied:
        denied = ground.images.denied
        found["image of others"] = Case("pod.image_denied", ends(FOR_EVER), {"image": denied}, with_image(denied))
    if admits_policies(ground, image):
        found["pod security"] = Case("workload.pod_security", hangs(), {}, None, restrict)
    return found


def admits_policies(ground: Ground, image: str) -> bool:
    """Return whether the cluster keeps pods out of a restricted namespace that may do too much."""
    namespace = ground.namespace(**{"pod-security.kubernetes.io/enforce": "restricted"})
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "asks", "namespace": namespace},
        "spec": {"hostNetwork": True, "containers": [{"name": "app", "image": image}]},
    }
    try:
        KubernetesClient(ground.admin).apply(pod, field_manager="contract", dry_run=True)
    except Rejected:
        return True
    return False


def problem(name: str, case: Case, ended: Deployment) -> str:
    """Return what is wrong with how a case was told, empty where it is right."""
    wrong = []
    if (ended.status, ended.cause_code) != (Status.FAILED, case.code):
        wrong.append(f"it is {ended.status} for {ended.cause_code}, not failed for {case.code}")
    wrong += [
        f"{key} is {ended.cause_params.get(key)!r}, not {value!r}"
        for key, value in case.params.items()
        if ended.cause_params.get(key) != value
    ]
    if case.lines is not None and ended.evidence.get("lines") != case.lines:
        wrong.append(f"the last lines are {ended.evidence.get('lines')}, not {case.lines}")
    return f"{name}: {'; '.join(wrong)}\n    {told(ended)}" if wrong else ""


def test_every_cause_is_named(ground: Ground, cluster: Cluster, image: str) -> None:
    cases = cases_here(ground, image)
    made = {name: places.make(ground, cluster, image) for name in cases}
    deployments = []
    for name, case in cases.items():
        if case.prepare is not None:
            case.prepare(made[name])
        deployments.append(made[name].request(case.document, case.change))
    drive(deployments, lambda row: row.is_final, seconds=SECONDS)
    problems = [
        found
        for (name, case), ended in zip(cases.items(), deployments, strict=True)
        if (found := problem(name, case, ended))
    ]
    for place in made.values():
        ground.forget(place.namespace)
    assert not problems, "\n".join(problems)


def test_failed_version_leaves_the_old_one_serving_and_the_way_back_open(place: Place) -> None:
    good = place.run(places.serving("good"))
    bad = place.run(ends("echo bad; exit 1", env=[{"name": "WORD", "value": "bad"}]))
    assert (good.status, bad.status) == (Status.SUCCEEDED, Status.FAILED), told(bad)
    assert "good" in place.words()
    back = places.finish(services.request_rollback(deployment=good, actor=place.actor))
    assert back.status == Status.SUCCEEDED, told(back)
    assert place.words() == {"good"}
