"""Render a `Spec` into Kubernetes objects: pure, the same input gives the same objects.

- Labels are stable (decision 3): nothing of one deployment, no time, no number, so that an unchanged set changes
  nothing and a rollback gives the same bytes.
- Configuration and secrets are named by content and immutable (decision 4): another content is another object, hence a
  rollout. Secret values are not in here, only references (`sealing.py`).
- Everything the platform adds is written out, so that the YAML on the page is all there is.
"""

from typing import Any

from apps.manifests.render.content import render_config_map, render_secret
from apps.manifests.render.context import ApplicationContext, TargetContext
from apps.manifests.render.network import IngressWithoutHost, render_ingress, render_service
from apps.manifests.render.scaling import render_autoscaler
from apps.manifests.render.workload import render_workload
from apps.manifests.sealing import SecretReferences
from apps.manifests.spec import Spec

__all__ = ["ApplicationContext", "IngressWithoutHost", "TargetContext", "render"]

Manifest = dict[str, Any]


def render(
    spec: Spec,
    *,
    application: ApplicationContext,
    target: TargetContext,
    image: str,
    secrets: SecretReferences | None = None,
) -> list[Manifest]:
    """Return the objects of one application on one target; `image` is a reference by digest.

    Raises:
        IngressWithoutHost: neither the document nor the target says under which host.
        MissingReference: the document uses a secret value that `secrets` does not know.
    """
    config_map = render_config_map(spec, application, target)
    secret = render_secret(spec, application, target, secrets or SecretReferences())
    workload = render_workload(
        spec,
        application=application,
        target=target,
        image=image,
        config_map=config_map["metadata"]["name"] if config_map else None,
        secret=secret["metadata"]["name"] if secret else None,
    )
    optional = (
        render_service(spec, application, target),
        render_ingress(spec, application, target),
        render_autoscaler(spec, application, target),
        config_map,
        secret,
    )
    return [workload, *(manifest for manifest in optional if manifest is not None)]
