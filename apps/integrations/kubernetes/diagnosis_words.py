"""English for causes: one sentence of what happened, one of what helps. Pass gettext to have them translated.

The sentences are templates on purpose: translators see the whole sentence, rows keep only code and parameters. What
has no fixed number of parts (the scheduler's reasons, an exit code with or without a signal) is worded by `PARTS` and
put into its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Gettext = Callable[[str], str]

SENTENCES: dict[str, str] = {
    "pod.completed": "The pod has finished.",
    "pod.starting": "The pod is starting.",
    "pod.pulling_image": "The node is pulling the image {image}.",
    "pod.not_ready_yet": "Container {container} is running and not ready yet.",
    "pod.not_answering_yet": "Container {container} is starting and does not answer its probe yet: {message}",
    "pod.gate_closed": "The containers are ready; a readiness gate is not open yet: {message}",
    "pod.terminating": "The pod is being stopped.",
    "pod.stuck_terminating": "The pod has been stopping since {since} and does not go away.",
    "pod.node_lost": "The node {node} does not answer any more.",
    "pod.node_shutdown": "The node {node} was shut down.",
    "pod.node_refused": "The node {node} refused the pod ({reason}): {message}",
    "pod.evicted": "The pod was moved off its node: {message}",
    "pod.preempted": "The pod had to give way to a more important one: {message}",
    "pod.oom_killed": "Container {container} used more memory than its limit ({limit}) and was killed.",
    "pod.oom_killed_by_node": "Container {container}, which has no memory limit, was killed because memory ran out.",
    "pod.liveness_failing": "The liveness probe of container {container} fails: {message}",
    "pod.readiness_failing": "Container {container} runs, but its readiness probe fails: {message}",
    "pod.startup_failing": "The startup probe of container {container} fails: {message}",
    "pod.hook_failed": "The postStart hook of container {container} fails: {message}",
    "pod.init_running": "Init container {container} is still running.",
    "pod.init_failed": "Init container {container} fails with {exit}.",
    "pod.start_failed": "Container {container} cannot be started: {message}",
    "pod.wrong_platform": "Container {container} cannot be started, its program is for another processor: {message}",
    "pod.crash_loop": "Container {container} crashes: {exit}, restarts: {restarts}.",
    "pod.keeps_ending": "Container {container} ends by itself with exit code 0, as if it had nothing to serve.",
    "pod.restarted": "Container {container} crashed with {exit}; restarts: {restarts}.",
    "pod.failed": "Container {container} failed with {exit}.",
    "pod.lost_track": "The node has lost track of container {container}, as after a restart of the node.",
    "pod.deadline_exceeded": "The pod ran longer than the {seconds} seconds it may.",
    "pod.image_missing": "The registry has no image {image}.",
    "pod.image_denied": "The registry does not let the cluster pull {image}: {answer}",
    "pod.image_unreachable": "The registry of {image} cannot be reached: {answer}",
    "pod.image_rate_limited": "The registry limits how often {image} may be pulled: {answer}",
    "pod.image_platform": "The image {image} was not built for the node's kind of processor: {answer}",
    "pod.image_no_space": "The node has no room left for the image {image}.",
    "pod.image_never_pulled": "The image {image} is not on the node and may not be pulled (imagePullPolicy: Never).",
    "pod.image_name_invalid": "{image} is not a valid image name.",
    "pod.image_failed": "The image {image} cannot be pulled: {answer}",
    "pod.image_unexplained": "The image {image} cannot be pulled; the cluster does not say why any more.",
    "pod.config_missing": "The {kind} {name} that container {container} needs does not exist.",
    "pod.config_key_missing": "The {kind} {name} has no key {key}, which container {container} needs.",
    "pod.runs_as_root": "Container {container} may not run as root, and its image does.",
    "pod.user_unknown": "Container {container} may not run as root, and its image names its user by name, not by number.",
    "pod.config_wrong": "Container {container} cannot be created: {message}",
    "pod.mount_missing": "The {kind} {name} for the volume {volume} does not exist.",
    "pod.mount_key_missing": "The {kind} {name} for the volume {volume} has no key {key}.",
    "pod.volume_in_use": "The volume {volume} is still attached to another node: {message}",
    "pod.mount_failed": "The volume {volume} cannot be mounted: {message}",
    "pod.sandbox_failed": "The node cannot set the pod's network and sandbox up: {message}",
    "pod.unschedulable": "No node can take the pod: {reasons}",
    "pod.scheduling_gated": "The pod is held back from scheduling by its gates: {gates}",
    "pod.scheduler_failed": "The scheduler cannot place the pod: {message}",
    "pod.waiting": "Container {container} waits: {reason} {message}",
    "workload.quota_exceeded": "The quota {quota} is used up: {requested} wanted, {used} used of {limited}.",
    "workload.quota_unspecified": "The quota {quota} wants every pod to say: {missing}",
    "workload.limit_range": "The namespace's limit range refuses the pods: {message}",
    "workload.pod_security": "The namespace allows only pods that meet the security standard {level}: {message}",
    "workload.policy_denied": "The cluster's policy {policy} refuses the pods: {message}",
    "workload.webhook_denied": "The admission webhook {webhook} refuses the pods: {message}",
    "workload.webhook_unreachable": "The admission webhook {webhook}, which has to agree to each pod, fails: {message}",
    "workload.account_missing": "The service account {name} that the pods run as does not exist.",
    "workload.priority_missing": "The priority class {name} that the pods ask for does not exist.",
    "workload.runtime_missing": "The runtime class {name} that the pods ask for does not exist.",
    "workload.namespace_ending": "The namespace is being deleted and takes no new pods.",
    "workload.refused": "The cluster refuses to create the pods: {message}",
    "rollout.gone": "The workload does not exist in the cluster.",
    "rollout.being_deleted": "Somebody is deleting the workload in the cluster.",
    "rollout.not_seen_yet": "The cluster has not looked at the change yet.",
    "rollout.paused": "The rollout is paused in the cluster.",
    "rollout.waiting_for_pods": "{ready} of {wanted} pods are ready.",
    "rollout.settling": "{running} of {wanted} pods are ready, and have to stay so for {seconds} s.",
    "rollout.proving": "All {wanted} pods run. Nothing probes whether they are ready, so they are watched for a moment.",
    "rollout.old_pods_ending": "The new pods are ready; {old} old ones are ending.",
    "rollout.old_pods_first": "The old pods have to end before new ones start; {old} are left.",
    "rollout.deadline_exceeded": "The rollout took longer than it may. {last}",
}

HINTS: dict[str, str] = {
    "pod.stuck_terminating": "Look at its finalizers and at the node; deleting it by force is the last resort.",
    "pod.node_lost": "The pod is started elsewhere when the cluster gives the node up.",
    "pod.node_refused": "The pod is made again; if this stays, something outside of Kubernetes uses the node.",
    "pod.evicted": "If the node ran out of something, give the pod requests and limits that say what it really uses.",
    "pod.preempted": "Add nodes, ask for less, or give it a higher priority class.",
    "pod.oom_killed": "Raise the memory limit, or find what grows.",
    "pod.oom_killed_by_node": "Give it a memory request and a limit.",
    "pod.liveness_failing": "Is the path or port right, and is the program given enough time to answer?",
    "pod.readiness_failing": "Is the path or port right, and does the program reach what it depends on?",
    "pod.startup_failing": "Does the program need more time to start than the probe gives it?",
    "pod.hook_failed": "The hook's command has to exist in the image and to end with exit code 0.",
    "pod.init_failed": "The log of the init container says why. {exit_hint}",
    "pod.start_failed": "Does the command exist in the image, and may it be executed?",
    "pod.wrong_platform": "Build the image for the nodes' processors, and start scripts with a #! line.",
    "pod.crash_loop": "The log of the previous run says why. {exit_hint}",
    "pod.keeps_ending": "A service must stay in the foreground.",
    "pod.restarted": "The log of the previous run says why. {exit_hint}",
    "pod.failed": "Its log says why. {exit_hint}",
    "pod.image_missing": "Was it removed from the registry, or never pushed?",
    "pod.image_denied": "Check the pull secret of the namespace.",
    "pod.image_unreachable": "Check the registry, and the way from the nodes to it.",
    "pod.image_rate_limited": "Wait, sign in with a pull secret, or use a mirror.",
    "pod.image_platform": "Build it for the nodes' processors too.",
    "pod.image_no_space": "Old images have to be removed from the node, or its disk has to grow.",
    "pod.config_missing": "Create it, or take it out of the configuration.",
    "pod.config_key_missing": "Add the key, or take it out of the configuration.",
    "pod.runs_as_root": "Give the image a user, or set one in the configuration.",
    "pod.user_unknown": "Give the image's USER as a number, or set runAsUser.",
    "pod.mount_missing": "Create it, or take the volume out of the configuration.",
    "pod.mount_key_missing": "Add the key, or take it out of the volume.",
    "pod.volume_in_use": "A volume for one node cannot follow a rolling update: use the strategy Recreate.",
    "pod.sandbox_failed": "This is the node's network or runtime; the cluster's administrators can say more.",
    "pod.unschedulable": "Ask for less, add nodes, or loosen what the pod demands of its node.",
    "workload.quota_exceeded": "Remove what is not needed, or ask for a bigger quota.",
    "workload.quota_unspecified": "Set these requests and limits.",
    "workload.limit_range": "Change the requests and limits to what the namespace allows.",
    "workload.pod_security": "Change the security settings of the pod to what the namespace allows.",
    "workload.webhook_unreachable": "Whoever runs the webhook has to bring it back; the cluster goes on trying.",
    "workload.account_missing": "Create it, or take it out of the configuration.",
    "rollout.paused": "Resume it, or release again.",
    "rollout.deadline_exceeded": "The events and logs of the new pods say more.",
}

_EXIT = "exit code {exit_code}"
_EXIT_BY_SIGNAL = "exit code {exit_code} ({signal})"
_EXIT_HINTS = {
    126: "Exit code 126: the command was found and may not be executed.",
    127: "Exit code 127: the command was not found.",
    134: "SIGABRT: the program gave itself up.",
    137: "SIGKILL without the memory limit: killed by force, as when it does not stop in time.",
    139: "SIGSEGV: the program touched memory that is not its own.",
    143: "SIGTERM: it was asked to stop, and ended.",
}
_SCHEDULER = {
    "short": "too little free {what}",
    "too_many_pods": "no room for another pod",
    "taint": "a taint that the pod does not tolerate ({what})",
    "cordoned": "closed for new pods (cordoned)",
    "spread": "would be spread too unevenly (topology spread)",
    "apart": "runs a pod that it must keep away from (anti-affinity)",
    "together": "does not run the pods that it wants to be near to (affinity)",
    "selector": "does not match its node selector or affinity",
    "port": "has that host port in use",
    "volume_place": "cannot reach its volume",
    "volume_limit": "takes no more volumes",
    "volume_none": "has no volume to bind",
    "claim_unbound": "its volume claim is not bound yet",
    "claim_missing": "the volume claim {what} does not exist",
    "claim_ending": "the volume claim {what} is being deleted",
    "class_missing": "the storage class {what} does not exist",
    "no_nodes": "the cluster has no nodes",
    "other": "{what}",
}
_COUNTED = "{nodes} of {total}: {reason}"
FRAGMENTS = (_EXIT, _EXIT_BY_SIGNAL, *_EXIT_HINTS.values(), *_SCHEDULER.values(), _COUNTED)


def _exit_parts(params: Mapping[str, Any], gettext: Gettext) -> dict[str, str]:
    template = _EXIT_BY_SIGNAL if params.get("signal") else _EXIT
    known = _EXIT_HINTS.get(params.get("exit_code") or 0, "")
    return {
        "exit": gettext(template).format_map(_Forgiving(params)),
        "exit_hint": gettext(known) if known else "",
    }


def _scheduler_parts(params: Mapping[str, Any], gettext: Gettext) -> dict[str, str]:
    parts = []
    for each in params.get("reasons") or []:
        reason = gettext(_SCHEDULER.get(each["check"], "{what}")).format_map(_Forgiving(each)).replace(" ()", "")
        if each.get("nodes") is not None and params.get("nodes"):
            reason = gettext(_COUNTED).format(nodes=each["nodes"], total=params["nodes"], reason=reason)
        parts.append(reason)
    return {"reasons": "; ".join(parts) or str(params.get("message", ""))}


def _last_parts(params: Mapping[str, Any], gettext: Gettext) -> dict[str, str]:
    last = params.get("last") or {}
    return {"last": sentence(last["code"], last.get("params") or {}, gettext) if last else ""}


PARTS: dict[str, Callable[[Mapping[str, Any], Gettext], dict[str, str]]] = {
    "pod.init_failed": _exit_parts,
    "pod.crash_loop": _exit_parts,
    "pod.restarted": _exit_parts,
    "pod.failed": _exit_parts,
    "pod.unschedulable": _scheduler_parts,
    "rollout.deadline_exceeded": _last_parts,
}


def parts(code: str, params: Mapping[str, Any], gettext: Gettext = str) -> dict[str, str]:
    """Return the parts of a cause's sentence and hint that have to be worded first."""
    return PARTS[code](params, gettext) if code in PARTS else {}


def sentence(code: str, params: Mapping[str, Any], gettext: Gettext = str) -> str:
    """Return the cause in words; an unknown code (stored by a later version) reads as itself."""
    template = SENTENCES.get(code)
    if template is None:
        return code
    return gettext(template).format_map(_Forgiving(params) | parts(code, params, gettext)).strip()


def hint(code: str, gettext: Gettext = str, params: Mapping[str, Any] | None = None) -> str:
    """Return what may help, or an empty text."""
    if code not in HINTS:
        return ""
    return gettext(HINTS[code]).format_map(_Forgiving(params or {}) | parts(code, params or {}, gettext)).strip()


class _Forgiving(dict[str, Any]):
    """Leaves out what an older row did not store."""

    def __missing__(self, key: str) -> str:
        return "?"

    def __or__(self, other: Mapping[str, Any]) -> _Forgiving:  # type: ignore[override]
        return _Forgiving({**self, **other})
