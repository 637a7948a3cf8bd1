"""English for causes: one sentence of what happened, one of what helps. Pass gettext to have them translated.

The sentences are templates on purpose: translators see the whole sentence, rows keep only code and parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

SENTENCES: dict[str, str] = {
    "pod.completed": "The pod has finished.",
    "pod.starting": "The pod is starting.",
    "pod.not_ready_yet": "Container {container} is running and not ready yet.",
    "pod.terminating": "The pod is being stopped.",
    "pod.stuck_terminating": "The pod has been stopping since {since} and does not go away.",
    "pod.node_lost": "The node {node} does not answer any more.",
    "pod.evicted": "The pod was moved off its node: {message}",
    "pod.oom_killed": "Container {container} used more memory than its limit ({limit}) and was killed.",
    "pod.liveness_failing": "The liveness probe of container {container} fails: {message}",
    "pod.readiness_failing": "Container {container} runs, but its readiness probe fails: {message}",
    "pod.startup_failing": "The startup probe of container {container} fails: {message}",
    "pod.init_running": "Init container {container} is still running.",
    "pod.init_failed": "Init container {container} fails with exit code {exit_code}.",
    "pod.start_failed": "Container {container} cannot be started: {message}",
    "pod.crash_loop": "Container {container} crashes: exit code {exit_code}, restarts: {restarts}.",
    "pod.keeps_ending": "Container {container} ends by itself with exit code 0, as if it had nothing to serve.",
    "pod.restarted": "Container {container} crashed with exit code {exit_code}; restarts: {restarts}.",
    "pod.failed": "Container {container} failed with exit code {exit_code}.",
    "pod.deadline_exceeded": "The pod ran longer than the {seconds} seconds it may.",
    "pod.image_missing": "The registry has no image {image}.",
    "pod.image_denied": "The registry does not let the cluster pull {image}: {answer}",
    "pod.image_unreachable": "The registry of {image} cannot be reached: {answer}",
    "pod.image_never_pulled": "The image {image} is not on the node and may not be pulled (imagePullPolicy: Never).",
    "pod.image_name_invalid": "{image} is not a valid image name.",
    "pod.image_failed": "The image {image} cannot be pulled: {answer}",
    "pod.config_missing": "The {kind} {name} that container {container} needs does not exist.",
    "pod.config_key_missing": "The {kind} {name} has no key {key}, which container {container} needs.",
    "pod.runs_as_root": "Container {container} may not run as root, and its image does.",
    "pod.config_wrong": "Container {container} cannot be created: {message}",
    "pod.mount_missing": "The {kind} {name} for the volume {volume} does not exist.",
    "pod.mount_failed": "The volume {volume} cannot be mounted: {message}",
    "pod.unschedulable": "No node can take the pod: {message}",
    "pod.waiting": "Container {container} waits: {reason} {message}",
    "workload.quota_exceeded": "The quota {quota} is used up: {requested} wanted, {used} used of {limited}.",
    "workload.limit_range": "The namespace's limit range refuses the pods: {message}",
    "workload.refused": "The cluster refuses to create the pods: {message}",
    "rollout.gone": "The workload does not exist in the cluster.",
    "rollout.not_seen_yet": "The cluster has not looked at the change yet.",
    "rollout.paused": "The rollout is paused in the cluster.",
    "rollout.waiting_for_pods": "{ready} of {wanted} pods are ready.",
    "rollout.old_pods_ending": "The new pods are ready; {old} old ones are ending.",
    "rollout.deadline_exceeded": "The rollout took longer than it may.",
}

HINTS: dict[str, str] = {
    "pod.stuck_terminating": "Look at its finalizers and at the node; deleting it by force is the last resort.",
    "pod.node_lost": "The pod is started elsewhere when the cluster gives the node up.",
    "pod.oom_killed": "Raise the memory limit, or find what grows.",
    "pod.liveness_failing": "Is the path or port right, and is the program given enough time to answer?",
    "pod.readiness_failing": "Is the path or port right, and does the program reach what it depends on?",
    "pod.startup_failing": "Does the program need more time to start than the probe gives it?",
    "pod.init_failed": "The log of the init container says why.",
    "pod.start_failed": "Does the command exist in the image, and may it be executed?",
    "pod.crash_loop": "The log of the previous run says why.",
    "pod.keeps_ending": "A service must stay in the foreground.",
    "pod.restarted": "The log of the previous run says why.",
    "pod.image_missing": "Was it removed from the registry, or never pushed?",
    "pod.image_denied": "Check the pull secret of the namespace.",
    "pod.image_unreachable": "Check the registry, and the way from the nodes to it.",
    "pod.config_missing": "Create it, or take it out of the configuration.",
    "pod.config_key_missing": "Add the key, or take it out of the configuration.",
    "pod.runs_as_root": "Give the image a user, or set one in the configuration.",
    "pod.mount_missing": "Create it, or take the volume out of the configuration.",
    "pod.unschedulable": "Ask for less, add nodes, or loosen what the pod demands of its node.",
    "workload.quota_exceeded": "Remove what is not needed, or ask for a bigger quota.",
    "workload.limit_range": "Change the requests and limits to what the namespace allows.",
    "rollout.deadline_exceeded": "The events and logs of the new pods say more.",
}


def sentence(code: str, params: Mapping[str, Any], gettext: Callable[[str], str] = str) -> str:
    """Return the cause in words; an unknown code (stored by a later version) reads as itself."""
    template = SENTENCES.get(code)
    return gettext(template).format_map(_Forgiving(params)).strip() if template else code


def hint(code: str, gettext: Callable[[str], str] = str) -> str:
    """Return what may help, or an empty text."""
    return gettext(HINTS[code]) if code in HINTS else ""


class _Forgiving(dict[str, Any]):
    """Leaves out what an older row did not store."""

    def __missing__(self, key: str) -> str:
        return "?"
