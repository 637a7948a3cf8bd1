"""A DeployYml from live objects: what rendering makes comes back the same, what others made is understood or told."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from apps.manifests import canonical, overrides
from apps.manifests.importing import Imported, Level, Live, import_workload
from apps.manifests.render import render
from apps.manifests.resolve import resolve
from deploy.sandbox.kubernetes import defaults
from tests.manifests.documents import APPLICATION, FULL, IMAGE, SECRETS, TARGET, documents, references_for
from tests.manifests.test_render import CASES, rendered

Object = dict[str, Any]

KEYS = {
    "Deployment": "deployments.apps",
    "Service": "services",
    "HorizontalPodAutoscaler": "horizontalpodautoscalers.autoscaling",
}


def as_live(objects: list[Object]) -> Live:
    """Return objects as the API server gives them back: with its defaults, its metadata and a status."""
    stored = copy.deepcopy(objects)
    for item in stored:
        item["metadata"] |= {
            "uid": "u",
            "resourceVersion": "7",
            "generation": 3,
            "managedFields": [{"manager": "slipway"}],
        }
        defaults.set_defaults(KEYS.get(item["kind"], ""), item)
        item["status"] = {"observedGeneration": 3}
        if item["kind"] == "Deployment":
            item["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "2"}
        if item["kind"] == "Service":
            item["spec"] |= {"clusterIP": "10.0.0.7", "clusterIPs": ["10.0.0.7"], "ipFamilies": ["IPv4"]}
    of = {kind: [item for item in stored if item["kind"] == kind] for kind in {item["kind"] for item in stored}}
    return Live(
        deployment=of["Deployment"][0],
        services=of.get("Service", []),
        ingresses=of.get("Ingress", []),
        autoscalers=of.get("HorizontalPodAutoscaler", []),
        config_maps={item["metadata"]["name"]: item for item in of.get("ConfigMap", [])},
        secret_keys={item["metadata"]["name"]: frozenset(item["data"]) for item in of.get("Secret", [])},
    )


def again(imported: Imported, secrets: Any) -> list[Object]:
    """Return what rendering makes of an import."""
    resolved = resolve(imported.document)
    assert resolved.spec is not None, resolved.errors
    application = replace(APPLICATION, identity=imported.identity)
    return render(resolved.spec, application=application, target=TARGET, image=IMAGE, secrets=secrets)


def losses(imported: Imported) -> list[Any]:
    """Return what would not survive."""
    return [finding for finding in imported.findings if finding.level in (Level.LOST, Level.STOP)]


@pytest.mark.parametrize("name", [name for name, (_, where) in CASES.items() if not where])
def test_what_rendering_makes_comes_back(name: str) -> None:
    document, _ = CASES[name]
    objects = rendered(document)
    imported = import_workload(as_live(objects))
    assert losses(imported) == []
    made = again(imported, SECRETS if document is FULL else references_for(document))
    assert canonical.encode(made) == canonical.encode(objects)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(document=documents())
def test_any_document_survives_the_way_there_and_back(document: Object) -> None:
    objects = rendered(document)
    imported = import_workload(as_live(objects))
    assert losses(imported) == []
    used = {row["name"] for row in imported.document.get("secrets", [])}
    references = references_for(document)
    made = again(imported, replace(references, references={name: references.references[name] for name in used}))
    assert canonical.encode(made) == canonical.encode(objects)


def foreign(**changes: Any) -> Object:
    """Return a Deployment as somebody's kubectl made it."""
    container = {
        "name": "web",
        "image": "example.com/web:1.4",
        "ports": [{"containerPort": 8080}],
        "resources": {"requests": {"cpu": "100m"}, "limits": {"memory": "256Mi"}},
    }
    pod = {"containers": [container | changes.pop("container", {})], **changes.pop("pod", {})}
    made = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web", "team": "a"}},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web", "tier": "front"}}, "spec": pod},
            **changes,
        },
    }
    defaults.set_defaults("deployments.apps", made)
    return made


def service(name: str = "web", **spec: Any) -> Object:
    ports = [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}]
    made = {"kind": "Service", "metadata": {"name": name}, "spec": {"selector": {"app": "web"}, "ports": ports, **spec}}
    defaults.set_defaults("services", made)
    return made


def codes(imported: Imported, level: Level) -> list[str]:
    return [finding.code for finding in imported.findings if finding.level == level]


def test_names_and_selector_are_kept_for_rendering() -> None:
    imported = import_workload(Live(foreign(), services=[service("front")]))
    assert imported.stops == ()
    objects = {item["kind"]: item for item in again(imported, None)}
    deployment = objects["Deployment"]
    assert deployment["metadata"]["name"] == "web"
    assert deployment["spec"]["selector"] == {"matchLabels": {"app": "web"}}
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    # Others may select by what the pods had; Slipway finds them by its own label.
    assert labels["tier"] == "front"
    assert labels["slipway.io/application"] == APPLICATION.uid
    assert deployment["spec"]["template"]["spec"]["containers"][0]["name"] == "web"
    assert objects["Service"]["metadata"]["name"] == "front"
    # With another selector the old pods would lose their traffic before the new ones are ready.
    assert objects["Service"]["spec"]["selector"] == {"app": "web"}
    assert objects["Service"]["spec"]["ports"] == [
        {"name": "port-8080", "port": 80, "targetPort": "port-8080", "protocol": "TCP"}
    ]


def test_what_there_is_none_of_stays_none() -> None:
    imported = import_workload(Live(foreign(), services=[service()]))
    spec = resolve(imported.document).spec
    assert spec is not None
    assert (spec.probes.readiness, spec.probes.liveness, spec.probes.startup) == (None, None, None)
    assert (spec.resources.limits.cpu, spec.resources.requests.cpu) == (None, "100m")
    assert (spec.lifecycle.pre_stop_sleep, spec.lifecycle.grace_period, spec.init_process) == (0, 30, False)
    assert (spec.replicas, spec.strategy.max_surge) == (3, "25%")


def test_a_missing_memory_limit_becomes_the_platforms() -> None:
    imported = import_workload(Live(foreign(container={"resources": {}})))
    assert "memory_limit" in codes(imported, Level.CHANGED)
    spec = resolve(imported.document).spec
    assert spec is not None
    assert spec.resources.limits.memory == "256Mi"


def test_the_environment_is_put_together_as_the_kubelet_does() -> None:
    env = [
        {"name": "B", "value": "from env"},
        {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}},
        {"name": "GREETING", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "A"}}},
        {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
    ]
    sources = [
        {"configMapRef": {"name": "settings"}},
        {"secretRef": {"name": "db"}, "prefix": "DB_"},
        {"configMapRef": {"name": "gone", "optional": True}},
    ]
    live = Live(
        foreign(container={"env": env, "envFrom": sources}),
        config_maps={"settings": {"data": {"A": "$(HOME) costs $5", "B": "from map", "not-a-name": "x"}}},
        secret_keys={"db": frozenset({"password", "user"})},
    )
    imported = import_workload(live)
    assert imported.document["env"] == [
        {"name": "A", "value": "$$(HOME) costs $5"},
        {"name": "DB_password", "secret": "password"},
        {"name": "DB_user", "secret": "user"},
        {"name": "B", "value": "from env"},
        {"name": "PASSWORD", "secret": "password"},
        {"name": "GREETING", "value": "$$(HOME) costs $5"},
    ]
    assert [(source.name, source.secret, source.key) for source in imported.secrets] == [
        ("password", "db", "password"),
        ("user", "db", "user"),
    ]
    assert "reference_missing" in codes(imported, Level.LOST)
    assert imported.stops == ()


def test_two_secrets_with_one_key_get_two_names() -> None:
    env = [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": name.lower(), "key": "password"}}}
        for name in ("ONE", "TWO")
    ]
    secrets = {"one": frozenset({"password"}), "two": frozenset({"password"})}
    imported = import_workload(Live(foreign(container={"env": env}), secret_keys=secrets))
    assert [row["secret"] for row in imported.document["env"]] == ["password", "two.password"]


def test_files_come_from_whole_directories() -> None:
    mounts = [{"name": "conf", "mountPath": "/opt/conf", "readOnly": True}, {"name": "keys", "mountPath": "/opt/keys"}]
    volumes = [
        {"name": "conf", "configMap": {"name": "conf", "defaultMode": 420}},
        {"name": "keys", "secret": {"secretName": "tls", "items": [{"key": "k", "path": "tls.key"}]}},
    ]
    live = Live(
        foreign(container={"volumeMounts": mounts}, pod={"volumes": volumes}),
        config_maps={"conf": {"data": {"b.ini": "b", "a.ini": "a"}}},
        secret_keys={"tls": frozenset({"k"})},
    )
    imported = import_workload(live)
    assert imported.stops == ()
    assert imported.document["files"] == [
        {"path": "/opt/conf/a.ini", "content": "a"},
        {"path": "/opt/conf/b.ini", "content": "b"},
        {"path": "/opt/keys/tls.key", "secret": "k"},
    ]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"pod": {"initContainers": [{"name": "migrate", "image": "x"}]}}, "init_containers"),
        ({"pod": {"serviceAccountName": "robot"}}, "needed"),
        ({"pod": {"hostNetwork": True}}, "needed"),
        ({"pod": {"tolerations": [{"operator": "Exists"}]}}, "needed"),
        ({"container": {"securityContext": {"privileged": True}}}, "privileged"),
        ({"container": {"env": [{"name": "N", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}]}}, "env_from_field"),
        ({"container": {"env": [{"name": "N", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]}}, "reference_missing"),
        ({"container": {"livenessProbe": {"grpc": {"port": 8080}}}}, "probe"),
        ({"container": {"livenessProbe": {"httpGet": {"port": 8080, "scheme": "HTTPS"}}}}, "probe"),
        ({"container": {"livenessProbe": {"tcpSocket": {"port": 9}}}}, "probe_port"),
        ({"paused": True}, "paused"),
        (
            {
                "container": {"volumeMounts": [{"name": "v", "mountPath": "/data"}]},
                "pod": {"volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}]},
            },
            "volume",
        ),
        (
            {
                "container": {"volumeMounts": [{"name": "v", "mountPath": "/etc/x.conf", "subPath": "x.conf"}]},
                "pod": {"volumes": [{"name": "v", "configMap": {"name": "m"}}]},
            },
            "mount_of_a_part",
        ),
    ],
)  # fmt: skip
def test_what_it_would_not_run_without_stops_it(changes: Object, code: str) -> None:
    imported = import_workload(Live(foreign(**changes)))
    assert [finding.code for finding in imported.stops] == [code]


def test_a_sidecar_stops_it() -> None:
    live = foreign()
    live["spec"]["template"]["spec"]["containers"].append({"name": "proxy", "image": "x"})
    (stop,) = import_workload(Live(live)).stops
    assert (stop.code, stop.params) == ("sidecar", {"name": "proxy"})


def test_what_the_form_has_no_field_for_is_told_with_its_place() -> None:
    live = foreign(
        minReadySeconds=7,
        pod={"dnsPolicy": "None", "securityContext": {"runAsNonRoot": True}},
        container={"tty": True, "securityContext": {"capabilities": {"drop": ["ALL"]}}},
    )
    live["metadata"]["annotations"] = {
        "example.com/pager": "123",
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
    }
    imported = import_workload(Live(live))
    lost = {finding.path: finding.params["value"] for finding in imported.findings if finding.level == Level.LOST}
    assert lost == {
        "spec.minReadySeconds": "7",
        "spec.template.spec.dnsPolicy": "None",
        "spec.template.spec.securityContext.runAsNonRoot": "True",
        "spec.template.spec.containers[0].tty": "True",
        "spec.template.spec.containers[0].securityContext.capabilities.drop": "['ALL']",
        'metadata.labels["app"]': "web",
        'metadata.labels["team"]': "a",
        'metadata.annotations["example.com/pager"]': "123",
    }


def test_an_ingress_of_one_host_and_path_is_taken_and_others_stay() -> None:
    def ingress(name: str, *hosts: str) -> Object:
        path = {"path": "/shop", "pathType": "Exact", "backend": {"service": {"name": "web", "port": {"number": 80}}}}
        rules = [{"host": host, "http": {"paths": [path]}} for host in hosts]
        return {"kind": "Ingress", "metadata": {"name": name}, "spec": {"ingressClassName": "nginx", "rules": rules}}

    imported = import_workload(Live(foreign(), services=[service()], ingresses=[ingress("one", "a.example")]))
    assert imported.document["ingress"] == {
        "host": "a.example", "path": "/shop", "path_type": "Exact", "port": "port-8080", "tls": False, "class_name": "nginx",
    }  # fmt: skip
    assert imported.identity.ingress == "one"
    two = import_workload(Live(foreign(), services=[service()], ingresses=[ingress("two", "a.example", "b.example")]))
    assert "ingress" not in two.document
    assert codes(two, Level.KEPT) == ["other_ingress"]


def test_an_autoscaler_of_cpu_is_taken_and_another_stops_it() -> None:
    def scaler(metric: str) -> Object:
        reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
        resource = {"name": metric, "target": {"type": "Utilization", "averageUtilization": 70}}
        metrics = [{"type": "Resource", "resource": resource}]
        return {
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "scaler"},
            "spec": {"scaleTargetRef": reference, "maxReplicas": 5, "metrics": metrics},
        }

    imported = import_workload(Live(foreign(), autoscalers=[scaler("cpu")]))
    assert imported.document["autoscaling"] == {"min": 1, "max": 5, "cpu": 70}
    assert "replicas" not in imported.document
    assert imported.identity.autoscaler == "scaler"
    assert [finding.code for finding in import_workload(Live(foreign(), autoscalers=[scaler("memory")])).stops] == [
        "autoscaler_metrics"
    ]


@given(lower=documents(), wanted=documents())
def test_a_difference_laid_over_makes_what_was_wanted(lower: Object, wanted: Object) -> None:
    def unordered(document: Object) -> Object:
        rows = {key: sorted(document.get(key, []), key=str) for key in ("ports", "env", "secrets", "files")}
        return {**document, **{key: value for key, value in rows.items() if value}}

    below, aim = resolve(lower).document, resolve(wanted).document
    made = overrides.merge(dict(below), overrides.difference(below, aim))
    empty = ([], {})
    assert unordered({k: v for k, v in made.items() if v not in empty}) == unordered(
        {k: v for k, v in aim.items() if v not in empty}
    )
