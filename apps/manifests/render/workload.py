"""The workload: one builder per kind around the same pod template."""

from collections.abc import Callable, Mapping
from typing import Any

from apps.manifests.render.context import ApplicationContext, TargetContext, metadata, pod_labels, selector
from apps.manifests.render.pod import render_pod_spec, render_template_annotations
from apps.manifests.spec import Spec, StrategyType, WorkloadKind

Manifest = dict[str, Any]

# Slipway keeps the history itself, byte for byte; the cluster only needs enough for a person with kubectl.
_REVISION_HISTORY = 10


def render_workload(
    spec: Spec,
    *,
    application: ApplicationContext,
    target: TargetContext,
    image: str,
    config_map: str | None,
    secret: str | None,
) -> Manifest:
    """Return the workload object with its pod template."""
    template_metadata: Manifest = {"labels": pod_labels(application)}
    annotations = render_template_annotations(spec)
    if annotations:
        template_metadata["annotations"] = annotations
    template = {
        "metadata": template_metadata,
        "spec": render_pod_spec(
            spec,
            target=target,
            container_name=application.identity.container,
            image=image,
            config_map=config_map,
            secret=secret,
        ),
    }
    build = _BUILDERS[spec.kind]
    name = application.identity.workload or application.slug
    return build(spec, metadata(name, application, target), selector(application), template)


def _deployment(spec: Spec, about: Manifest, matching: dict[str, str], template: Manifest) -> Manifest:
    body: Manifest = {
        "selector": {"matchLabels": matching},
        "strategy": _strategy(spec),
        "progressDeadlineSeconds": spec.progress_deadline,
        "revisionHistoryLimit": _REVISION_HISTORY,
        "template": template,
    }
    # An autoscaler owns the number; saying one here would fight it at each apply (decision 6).
    if spec.autoscaling is None:
        body["replicas"] = spec.replicas
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": about, "spec": body}


def _strategy(spec: Spec) -> Manifest:
    if spec.strategy.type == StrategyType.RECREATE:
        # With rollingUpdate beside Recreate the server answers 422.
        return {"type": "Recreate"}
    rolling = {"maxSurge": spec.strategy.max_surge, "maxUnavailable": spec.strategy.max_unavailable}
    return {"type": "RollingUpdate", "rollingUpdate": rolling}


_BUILDERS: Mapping[WorkloadKind, Callable[[Spec, Manifest, dict[str, str], Manifest], Manifest]] = {
    WorkloadKind.DEPLOYMENT: _deployment,
}
