"""What rendering knows besides the form data: whose objects, and where they go."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MANAGED_BY = "slipway"
# The name of the one container; logs and terminals show it.
CONTAINER = "app"
COMPONENT = "app"
NODE_GROUP_LABEL = "slipway.io/node-group"
LOG_DIRECTORY_ANNOTATION = "slipway.io/log-directory"

_VERSION = re.compile(r"v?(\d+)\.(\d+)")
# https://github.com/kubernetes/enhancements/issues/3960 : preStop sleep is on by default since 1.30.
_SLEEP_ACTION_SINCE = (1, 30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Names and labels that were there before Slipway and cannot change: a Deployment keeps its name and its selector.

    An empty name is the application's slug. The pods keep the labels they had, for whoever else selects them.
    """

    workload: str = ""
    container: str = CONTAINER
    service: str = ""
    ingress: str = ""
    autoscaler: str = ""
    selector: Mapping[str, str] = field(default_factory=dict)
    pod_labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationContext:
    """Whose objects: the uid never changes, the slugs are immutable."""

    uid: str
    slug: str
    project: str
    identity: Identity = Identity()


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetContext:
    """Where they go, and what the cluster there can do."""

    namespace: str
    version: str
    ingress_domain: str = ""
    ingress_class: str = ""
    pull_secret: str = ""
    node_group: str = ""

    @property
    def has_sleep_action(self) -> bool:
        """Tell whether the cluster itself can sleep before it stops a container."""
        match = _VERSION.match(self.version)
        return match is not None and (int(match[1]), int(match[2])) >= _SLEEP_ACTION_SINCE


def selector(application: ApplicationContext) -> dict[str, str]:
    """Return the labels that find the pods; a Deployment can never change them."""
    return dict(application.identity.selector) or _own(application)


def _own(application: ApplicationContext) -> dict[str, str]:
    return {"slipway.io/application": application.uid, "app.kubernetes.io/component": COMPONENT}


def labels(application: ApplicationContext) -> dict[str, str]:
    """Return the labels of every object of the application."""
    return {
        **_own(application),
        "app.kubernetes.io/name": application.slug,
        "app.kubernetes.io/part-of": application.project,
        "app.kubernetes.io/managed-by": MANAGED_BY,
    }


def pod_labels(application: ApplicationContext) -> dict[str, str]:
    """Return the labels of the pods: those of every object, and what an adopted workload's pods had."""
    return {**labels(application), **application.identity.pod_labels, **application.identity.selector}


def metadata(name: str, application: ApplicationContext, target: TargetContext, **more: Any) -> dict[str, Any]:
    """Return the metadata of one object."""
    return {"name": name, "namespace": target.namespace, "labels": labels(application), **more}


def without_nothing(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return `values` without what was not said: None, empty texts, lists and objects (zero and False stay)."""
    return {key: value for key, value in values.items() if value is not None and value not in ("", [], {}, ())}
