"""The Service in front of the pods and the Ingress in front of the Service."""

from typing import Any

from apps.manifests.render.context import ApplicationContext, TargetContext, metadata, selector, without_nothing
from apps.manifests.render.pod import first_tcp_port
from apps.manifests.spec import Spec

Manifest = dict[str, Any]


class IngressWithoutHost(ValueError):
    """Neither the document names a host nor the target a domain."""


def render_service(spec: Spec, application: ApplicationContext, target: TargetContext) -> Manifest | None:
    """Return the Service, named like the application (or as it was adopted); None when it is off."""
    if not spec.service.enabled:
        return None
    ports = [
        {
            "name": port.name,
            "port": port.service_port or port.port,
            "targetPort": port.name,
            "protocol": port.protocol,
        }
        for port in spec.ports
    ]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(_service_name(application), application, target),
        "spec": {"type": str(spec.service.type), "selector": selector(application), "ports": ports},
    }


def _service_name(application: ApplicationContext) -> str:
    return application.identity.service or application.slug


def ingress_host(spec: Spec, application: ApplicationContext, target: TargetContext) -> str:
    """Return the host of the Ingress: the document's, else one under the target's domain that nobody else can have.

    A namespace belongs to one environment of one project, so its name keeps two environments on a cluster apart.

    Raises:
        IngressWithoutHost: there is neither.
    """
    if spec.ingress is not None and spec.ingress.host:
        return spec.ingress.host
    if not target.ingress_domain:
        raise IngressWithoutHost
    return f"{application.slug}-{target.namespace}.{target.ingress_domain}"


def render_ingress(spec: Spec, application: ApplicationContext, target: TargetContext) -> Manifest | None:
    """Return the Ingress, None when there is none.

    Raises:
        IngressWithoutHost: neither the document names a host nor the target a domain.
    """
    ingress = spec.ingress
    if ingress is None:
        return None
    host = ingress_host(spec, application, target)
    first = first_tcp_port(spec)
    port = ingress.port or (first.name if first else None)
    backend = {"service": {"name": _service_name(application), "port": {"name": port}}}
    path = {"path": ingress.path, "pathType": ingress.path_type, "backend": backend}
    more = {"annotations": dict(ingress.annotations)} if ingress.annotations else {}
    # Without a name of a certificate the controller uses its default one.
    tls = [without_nothing({"hosts": [host], "secretName": ingress.tls_secret})] if ingress.tls else None
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": metadata(application.identity.ingress or application.slug, application, target, **more),
        "spec": without_nothing(
            {
                "ingressClassName": ingress.class_name or target.ingress_class,
                "rules": [{"host": host, "http": {"paths": [path]}}],
                "tls": tls,
            }
        ),
    }
