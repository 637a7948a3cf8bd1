"""Which container of a pod a request means, and how it is doing."""

from __future__ import annotations

from typing import Any

from deploy.sandbox.kubernetes.status import bad_request

Object = dict[str, Any]


def choose_container(pod: Object, wanted: str) -> str:
    """Return the container to talk to: the named, the annotated or the only one.

    Raises:
        ApiError: 400 for an unknown one, or for none where there are several.
    """
    name, spec = pod["metadata"]["name"], pod["spec"]
    kinds = ("initContainers", "containers", "ephemeralContainers")
    known = [each["name"] for kind in kinds for each in spec.get(kind) or ()]
    if wanted:
        if wanted not in known:
            raise bad_request(f"container {wanted} is not valid for pod {name}")
        return wanted
    annotated = (pod["metadata"].get("annotations") or {}).get("kubectl.kubernetes.io/default-container")
    if annotated in known:
        return str(annotated)
    names = [each["name"] for each in spec["containers"]]
    if len(names) == 1:
        return str(names[0])
    init = [each["name"] for each in spec.get("initContainers") or ()]
    text = f"a container name must be specified for pod {name}, choose one of: [{' '.join(names)}]"
    raise bad_request(text + (f" or one of the init containers: [{' '.join(init)}]" if init else ""))


def container_status(pod: Object, container: str) -> Object:
    """Return the status of one container; empty where the node has not told any."""
    status = pod.get("status") or {}
    for kind in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
        for each in status.get(kind) or ():
            if each["name"] == container:
                return dict(each)
    return {}
