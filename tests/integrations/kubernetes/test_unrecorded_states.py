"""States that no recording has, as Kubernetes' sources and users' reports show them: each has its exact sentence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.integrations.kubernetes.causes import _RANK, dominant
from apps.integrations.kubernetes.diagnosis import diagnose_pod
from apps.integrations.kubernetes.diagnosis_words import SENTENCES, hint, sentence
from apps.integrations.kubernetes.refusals import diagnose_workload, refusal
from apps.integrations.kubernetes.scheduling import read_reasons

NOW = datetime(2026, 11, 22, 23, 0, tzinfo=UTC)


def ago(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def container(state: dict[str, Any], *, last: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    return {"name": "web", "state": state, "lastState": last or {}, "restartCount": 0, "ready": False} | changes


def pod(
    *containers: dict[str, Any],
    spec: dict[str, Any] | None = None,
    metadata: dict[str, Any] | None = None,
    **status: Any,
) -> dict[str, Any]:
    own = {"nodeName": "n7", "containers": [{"name": "web", "image": "demo/web:v3"}]} | (spec or {})
    return {
        "metadata": {"name": "p", "uid": "p", "creationTimestamp": ago(60)} | (metadata or {}),
        "spec": own,
        "status": {"phase": "Running", "containerStatuses": list(containers)} | status,
    }


def event(reason: str, message: str, *, seconds: float = 5, count: int = 1, about: str = "web") -> dict[str, Any]:
    path = f"spec.containers{{{about}}}" if about else ""
    return {
        "reason": reason,
        "message": message,
        "count": count,
        "firstTimestamp": ago(seconds),
        "lastTimestamp": ago(seconds),
        "involvedObject": {"uid": "p", "fieldPath": path},
    }


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return {"waiting": {"reason": reason, "message": message}}


def ended(code: int, reason: str = "Error", message: str = "") -> dict[str, Any]:
    times = {"startedAt": ago(20), "finishedAt": ago(10)}
    return {"terminated": {"exitCode": code, "reason": reason, "message": message, **times}}


def running(seconds: float = 60) -> dict[str, Any]:
    return {"running": {"startedAt": ago(seconds)}}


def says(found: dict[str, Any], events: list[dict[str, Any]] | None = None) -> str:
    cause = dominant(diagnose_pod(found, events or [], now=NOW))
    return sentence(cause.code, cause.params) if cause else ""


LOOP = waiting("CrashLoopBackOff", "back-off 10s restarting failed container")
CREATING = container(waiting("ContainerCreating"))


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (container(LOOP, last=ended(137), restartCount=2), "Container web crashes: exit code 137 (SIGKILL), restarts: 2."),
        (container(LOOP, last=ended(139), restartCount=1), "Container web crashes: exit code 139 (SIGSEGV), restarts: 1."),
        (container(LOOP, last=ended(255), restartCount=1), "Container web crashes: exit code 255, restarts: 1."),
        (container(LOOP, last=ended(127), restartCount=1), "Container web crashes: exit code 127, restarts: 1."),
        (
            container(running(2), last=ended(1), restartCount=4, ready=True),
            "Container web crashed with exit code 1; restarts: 4.",
        ),
        (
            container(ended(137, "OOMKilled"), restartCount=1),
            "Container web, which has no memory limit, was killed because memory ran out.",
        ),
        (
            container(ended(137, "ContainerStatusUnknown")),
            "The node has lost track of container web, as after a restart of the node.",
        ),
        (
            container(LOOP, last=ended(128, "StartError", "runc create failed: unable to start container process: "
                      "exec /app/run: exec format error"), restartCount=1),
            "Container web cannot be started, its program is for another processor: exec /app/run: exec format error",
        ),
        (
            container(waiting("RunContainerError", "OCI runtime create failed: unable to start container process: "
                      'exec: "/app/run": permission denied')),
            'Container web cannot be started: exec: "/app/run": permission denied',
        ),
        (
            container(waiting("CreateContainerError", "failed to generate spec: no command specified")),
            "Container web cannot be started: failed to generate spec: no command specified",
        ),
        (
            container(waiting("CreateContainerConfigError",
                      "container has runAsNonRoot and image has non-numeric user (app), cannot verify user is non-root")),
            "Container web may not run as root, and its image names its user by name, not by number.",
        ),
        (
            container(waiting("CreateContainerConfigError", "couldn't find key password in Secret shop/db")),
            "The Secret db has no key password, which container web needs.",
        ),
        (
            container(waiting("CreateContainerConfigError", 'secret "db" not found')),
            "The Secret db that container web needs does not exist.",
        ),
        (
            container(waiting("ErrImagePull", 'rpc error: code = NotFound desc = failed to pull and unpack image '
                      '"demo/web:v3": no match for platform in manifest: not found')),
            ("The image demo/web:v3 was not built for the node's kind of processor: "
            "no match for platform in manifest: not found"),
        ),
        (
            container(waiting("ErrImagePull", "toomanyrequests: You have reached your unauthenticated pull rate limit.")),
            ("The registry limits how often demo/web:v3 may be pulled: "
            "toomanyrequests: You have reached your unauthenticated pull rate limit."),
        ),
        (
            container(waiting("ErrImagePull", "failed to extract layer: write /x: no space left on device")),
            "The node has no room left for the image demo/web:v3.",
        ),
        (
            container(waiting("ErrImagePull", 'failed to do request: Head "https://reg/v2/": dial tcp: lookup reg: '
                      "no such host")),
            ('The registry of demo/web:v3 cannot be reached: failed to do request: Head "https://reg/v2/": '
            "dial tcp: lookup reg: no such host"),
        ),
        (
            container(waiting("ImagePullBackOff", 'Back-off pulling image "demo/web:v3": ErrImagePull: failed to resolve '
                      'reference "demo/web:v3": unexpected status from HEAD request: 401 Unauthorized')),
            "The registry does not let the cluster pull demo/web:v3: unexpected status from HEAD request: 401 Unauthorized",
        ),
        (
            container(waiting("ImagePullBackOff", 'Back-off pulling image "demo/web:v3"')),
            "The image demo/web:v3 cannot be pulled; the cluster does not say why any more.",
        ),
        (
            container(waiting("ImageInspectError", "Failed to inspect image: broken")),
            "The image demo/web:v3 cannot be pulled: Failed to inspect image: broken",
        ),
    ],
)  # fmt: skip
def test_a_container_that_does_not_run(state: dict[str, Any], said: str) -> None:
    assert says(pod(state)) == said


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (
            {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: ephemeral-storage. "},
            "The pod was moved off its node: The node was low on resource: ephemeral-storage.",
        ),
        ({"phase": "Failed", "reason": "Terminated", "message": "node shutdown"}, "The node n7 was shut down."),
        ({"phase": "Unknown"}, "The node n7 does not answer any more."),
        (
            {"phase": "Failed", "reason": "OutOfcpu", "message": "Node didn't have enough resource: cpu"},
            "The node n7 refused the pod (OutOfcpu): Node didn't have enough resource: cpu",
        ),
        (
            {"phase": "Failed", "reason": "NodeAffinity", "message": "Predicate NodeAffinity failed"},
            "The node n7 refused the pod (NodeAffinity): Predicate NodeAffinity failed",
        ),
        (
            {"conditions": [{"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler",
                             "message": "shop/big preempts"}]},
            "The pod had to give way to a more important one: shop/big preempts",
        ),
        (
            {"conditions": [{"type": "Ready", "status": "False"}, {"type": "ContainersReady", "status": "True"}]},
            "The node n7 does not answer any more.",
        ),
    ],
)  # fmt: skip
def test_a_pod_that_its_node_let_down(status: dict[str, Any], said: str) -> None:
    assert says(pod(**status)) == said


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ([], "The pod is starting."),
        ([event("Pulling", 'Pulling image "demo/web:v3"')], "The node is pulling the image demo/web:v3."),
        (
            [
                event(
                    "FailedMount",
                    'MountVolume.SetUp failed for volume "tls" : references non-existent secret key: tls.crt',
                )
            ],
            "The Secret shop-tls for the volume tls has no key tls.crt.",
        ),
        (
            [
                event(
                    "FailedAttachVolume", 'Multi-Attach error for volume "pvc-1" Volume is already used by pod(s) web-1'
                )
            ],
            (
                'The volume pvc-1 is still attached to another node: Multi-Attach error for volume "pvc-1" Volume is already '
                "used by pod(s) web-1"
            ),
        ),
        (
            [event("FailedMount", "Unable to attach or mount volumes: unmounted volumes=[data], timed out")],
            "The volume data cannot be mounted: Unable to attach or mount volumes: unmounted volumes=[data], timed out",
        ),
        (
            [
                event(
                    "FailedCreatePodSandBox", "Failed to create pod sandbox: plugin type=calico failed (add)", about=""
                )
            ],
            (
                "The node cannot set the pod's network and sandbox up: "
                "Failed to create pod sandbox: plugin type=calico failed (add)"
            ),
        ),
        (
            [
                event(
                    "FailedMount", 'MountVolume.SetUp failed for volume "tls" : secret "shop-tls" not found', seconds=30
                ),
                event("Pulling", 'Pulling image "demo/web:v3"', seconds=3),
            ],
            "The node is pulling the image demo/web:v3.",
        ),
    ],
    ids=["no events", "pulling", "key", "multi-attach", "timeout", "sandbox", "mounted since"],
)
def test_a_pod_that_is_not_created_yet_is_told_by_its_events(events: list[dict[str, Any]], said: str) -> None:
    volumes = {"volumes": [{"name": "tls", "secret": {"secretName": "shop-tls"}}]}
    assert says(pod(CREATING, spec=volumes, phase="Pending"), events) == said


@pytest.mark.parametrize(
    ("inits", "said"),
    [
        (
            [container(LOOP, last=ended(1), restartCount=3, name="migrate")],
            "Init container migrate fails with exit code 1.",
        ),
        (
            [container(ended(137, "OOMKilled"), name="migrate")],
            "Container migrate used more memory than its limit (16Mi) and was killed.",
        ),
        (
            [container(waiting("ImagePullBackOff", "manifest unknown"), name="migrate")],
            "The registry has no image demo/migrate:v3.",
        ),
        ([container(waiting("PodInitializing"), name="migrate")], "The pod is starting."),
        ([container(running(), name="migrate")], "Init container migrate is still running."),
        # A sidecar that starts does not hide what holds the pod up.
        (
            [
                container(running(1), name="proxy"),
                container(LOOP, last=ended(2), restartCount=3, name="migrate"),
            ],
            "Init container migrate fails with exit code 2.",
        ),
        (
            [container(LOOP, last=ended(9), restartCount=3, name="proxy")],
            "Container proxy crashes: exit code 9, restarts: 3.",
        ),
    ],
)
def test_a_pod_whose_init_containers_hold_it_up(inits: list[dict[str, Any]], said: str) -> None:
    limits = {"limits": {"memory": "16Mi"}}
    spec = {
        "initContainers": [
            {"name": "proxy", "image": "demo/proxy:v1", "restartPolicy": "Always"},
            {"name": "migrate", "image": "demo/migrate:v3", "resources": limits},
        ]
    }
    initializing = container(waiting("PodInitializing"))
    assert says(pod(initializing, spec=spec, phase="Pending", initContainerStatuses=inits)) == said


def test_a_closed_readiness_gate_is_told() -> None:
    ready = {"type": "Ready", "status": "False", "reason": "ReadinessGatesNotReady", "message": 'gate "lb" is not set'}
    found = pod(container(running(), ready=True), conditions=[ready])
    assert says(found) == 'The containers are ready; a readiness gate is not open yet: gate "lb" is not set'


def test_ephemeral_containers_are_nobodys_business() -> None:
    debugging = container(ended(1), name="debugger")
    assert diagnose_pod(pod(container(running(), ready=True), ephemeralContainerStatuses=[debugging])) == []


def test_a_crash_long_ago_is_history_for_a_container_that_runs_well() -> None:
    last = {"terminated": {"exitCode": 1, "finishedAt": ago(7200)}}
    assert says(pod(container(running(), last=last, restartCount=1, ready=True))) == ""
    assert (
        says(pod(container(running(), last=last, restartCount=1)))
        == "Container web crashed with exit code 1; restarts: 1."
    )


@pytest.mark.parametrize(
    ("probe", "started", "count", "news"),
    [
        ({}, 5, 1, False),  # the first refusal while the program starts
        ({}, 60, 3, True),  # as often as it may
        ({"failureThreshold": 10}, 40, 3, False),
        ({"initialDelaySeconds": 30}, 40, 2, False),
        ({"periodSeconds": 1}, 10, 1, True),  # longer than it may, though the events were thinned out
    ],
)
def test_a_probe_that_fails_while_the_program_starts_is_no_news(
    probe: dict[str, int], started: float, count: int, news: bool
) -> None:
    refused = event("Unhealthy", "Readiness probe failed: connection refused", seconds=1, count=count)
    spec = {"containers": [{"name": "web", "image": "i", "readinessProbe": probe}]}
    said = says(pod(container(running(started), started=True), spec=spec), [refused])
    assert said == (
        "Container web runs, but its readiness probe fails: connection refused"
        if news
        else "Container web is starting and does not answer its probe yet: connection refused"
    )


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (
            (
                "0/5 nodes are available: 1 Insufficient memory, 2 node(s) had untolerated taint {dedicated: gpu}, "
                "1 node(s) didn't match Pod's node affinity/selector, 1 node(s) were unschedulable. preemption: 0/5 nodes "
                "are available: 5 Preemption is not helpful for scheduling."
            ),
            (
                "1 of 5: too little free memory; 2 of 5: a taint that the pod does not tolerate (dedicated: gpu); "
                "1 of 5: does not match its node selector or affinity; 1 of 5: closed for new pods (cordoned)"
            ),
        ),
        (
            "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found",
            "its volume claim is not bound yet",
        ),
        ('0/1 nodes are available: persistentvolumeclaim "data" not found.', "the volume claim data does not exist"),
        (
            "0/3 nodes are available: 1 Too many pods, 2 node(s) didn't have free ports for the requested pod ports.",
            "1 of 3: no room for another pod; 2 of 3: has that host port in use",
        ),
        (
            "0/2 nodes are available: 2 node(s) didn't match pod topology spread constraints.",
            "2 of 2: would be spread too unevenly (topology spread)",
        ),
        (
            (
                "0/2 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/not-ready: }, "
                "1 node(s) had volume node affinity conflict."
            ),
            (
                "1 of 2: a taint that the pod does not tolerate (node.kubernetes.io/not-ready); "
                "1 of 2: cannot reach its volume"
            ),
        ),
        (
            "0/2 nodes are available: 2 node(s) had untolerated taint(s).",
            "2 of 2: a taint that the pod does not tolerate",
        ),
        ("0/2 nodes are available: 2 node(s) had bad luck.", "2 of 2: had bad luck"),
        ("no nodes available to schedule pods", "the cluster has no nodes"),
    ],
)
def test_the_scheduler_is_understood(message: str, said: str) -> None:
    params = read_reasons(message)
    assert sentence("pod.unschedulable", params) == f"No node can take the pod: {said}"


@pytest.mark.parametrize(
    ("message", "code", "said"),
    [
        (
            (
                'pods "web-x" is forbidden: exceeded quota: team, requested: count/pods=1, used: count/pods=3, '
                "limited: count/pods=3"
            ),
            "workload.quota_exceeded",
            "The quota team is used up: count/pods=1 wanted, count/pods=3 used of count/pods=3.",
        ),
        (
            'pods "web-x" is forbidden: failed quota: team: must specify limits.cpu for: web; requests.cpu for: web',
            "workload.quota_unspecified",
            "The quota team wants every pod to say: limits.cpu for: web; requests.cpu for: web",
        ),
        (
            (
                'pods "toomuch" is forbidden: [maximum memory usage per Container is 256Mi, but limit is 1Gi, maximum cpu '
                "usage per Container is 1, but limit is 4]"
            ),
            "workload.limit_range",
            (
                "The namespace's limit range refuses the pods: [maximum memory usage per Container is 256Mi, but limit is "
                "1Gi, maximum cpu usage per Container is 1, but limit is 4]"
            ),
        ),
        (
            (
                'pods "web-x" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false '
                '(container "web" must set securityContext.allowPrivilegeEscalation=false)'
            ),
            "workload.pod_security",
            (
                "The namespace allows only pods that meet the security standard restricted:latest: allowPrivilegeEscalation "
                '!= false (container "web" must set securityContext.allowPrivilegeEscalation=false)'
            ),
        ),
        (
            'admission webhook "policy.example.com" denied the request: no latest tags',
            "workload.webhook_denied",
            "The admission webhook policy.example.com refuses the pods: no latest tags",
        ),
        (
            (
                'Internal error occurred: failed calling webhook "inject.example.com": failed to call webhook: Post '
                '"https://i.mesh.svc:443/inject?timeout=10s": context deadline exceeded'
            ),
            "workload.webhook_unreachable",
            (
                "The admission webhook inject.example.com, which has to agree to each pod, fails: failed to call webhook: "
                'Post "https://i.mesh.svc:443/inject?timeout=10s": context deadline exceeded'
            ),
        ),
        (
            "pods \"web-x\" is forbidden: ValidatingAdmissionPolicy 'no-root' with binding 'all' denied request: no root",
            "workload.policy_denied",
            "The cluster's policy no-root refuses the pods: no root",
        ),
        (
            'pods "web-x" is forbidden: error looking up service account shop/runner: serviceaccount "runner" not found',
            "workload.account_missing",
            "The service account runner that the pods run as does not exist.",
        ),
        (
            'pods "web-x" is forbidden: no PriorityClass with name urgent was found',
            "workload.priority_missing",
            "The priority class urgent that the pods ask for does not exist.",
        ),
        (
            'pods "web-x" is forbidden: unable to create new content in namespace shop because it is being terminated',
            "workload.namespace_ending",
            "The namespace is being deleted and takes no new pods.",
        ),
        (
            (
                'Pod "web-x" is invalid: spec.containers[0].resources.requests: Invalid value: "500m": must be less than or '
                "equal to cpu limit of 200m"
            ),
            "workload.refused",
            (
                'The cluster refuses to create the pods: Pod "web-x" is invalid: spec.containers[0].resources.requests: '
                'Invalid value: "500m": must be less than or equal to cpu limit of 200m'
            ),
        ),
    ],
)
def test_a_refused_pod_says_who_refuses_it(message: str, code: str, said: str) -> None:
    cause = refusal(f"Error creating: {message}")
    assert (cause.code, sentence(cause.code, cause.params)) == (code, said)


def test_an_old_refusal_is_not_told_of_a_new_rollout() -> None:
    replicaset = {"metadata": {"uid": "rs"}, "spec": {"replicas": 2}, "status": {"replicas": 1}}
    refused = event("FailedCreate", "Error creating: no", seconds=600) | {"involvedObject": {"uid": "rs"}}
    assert diagnose_workload(None, replicaset, [refused], since=NOW) == []
    assert len(diagnose_workload(None, replicaset, [refused], since=NOW - timedelta(hours=1))) == 1


def test_a_refusal_that_the_deployment_repeats_of_another_replicaset_is_not_believed() -> None:
    repeated = {"type": "ReplicaFailure", "status": "True", "message": "exceeded"}
    deployment = {"metadata": {}, "status": {"conditions": [repeated]}}
    replicaset = {"metadata": {"uid": "rs"}, "spec": {"replicas": 1}, "status": {"replicas": 1}}
    assert diagnose_workload(deployment, replicaset) == []
    assert len(diagnose_workload(deployment, None)) == 1


@pytest.mark.parametrize(
    ("code", "exit_code", "said"),
    [
        ("pod.crash_loop", 127, "The log of the previous run says why. Exit code 127: the command was not found."),
        ("pod.crash_loop", 1, "The log of the previous run says why."),
        ("pod.oom_killed", 137, "Raise the memory limit, or find what grows."),
        ("pod.starting", None, ""),
    ],
)
def test_a_known_exit_code_is_explained(code: str, exit_code: int | None, said: str) -> None:
    assert hint(code, params={"exit_code": exit_code}) == said


def test_a_disruption_explains_a_deletion_and_a_lost_node_a_hanging_one() -> None:
    def deleted(reason: str) -> dict[str, Any]:
        target = {"type": "DisruptionTarget", "status": "True", "reason": reason, "message": "m"}
        return pod(container(running(), ready=True), metadata={"deletionTimestamp": ago(300)}, conditions=[target])

    codes = [cause.code for cause in diagnose_pod(deleted("DeletionByTaintManager"), now=NOW)]
    assert codes == ["pod.node_lost"]
    codes = [cause.code for cause in diagnose_pod(deleted("EvictionByEvictionAPI"), now=NOW)]
    assert codes == ["pod.stuck_terminating"]
    codes = [cause.code for cause in diagnose_pod(deleted("EvictionByEvictionAPI"), now=NOW - timedelta(seconds=290))]
    assert codes == ["pod.evicted"]


def test_every_code_that_a_row_may_hold_has_a_rank_and_words() -> None:
    assert set(_RANK) <= set(SENTENCES)


@given(
    st.text(max_size=200),
    st.lists(st.sampled_from(["0/3 nodes are available: ", "1 ", "2 node(s) ", ", ", "had {a, 1 b}"])),
)
def test_whatever_the_scheduler_says_is_told(noise: str, pieces: list[str]) -> None:
    params = read_reasons("".join(pieces) + noise)
    assert sentence("pod.unschedulable", params).startswith("No node can take the pod:")


@given(st.text(max_size=200))
def test_whatever_refuses_a_pod_is_told(message: str) -> None:
    cause = refusal(message)
    assert cause.code in SENTENCES
    assert "{" not in sentence(cause.code, cause.params).replace(message, "")
