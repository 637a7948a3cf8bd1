"""Put form data, target, secrets and image together and say everything that is wrong with the result.

The one path from a DeployYml to objects: the form's preview and the rendering of a plan both go through `assemble`, so
what the preview shows is what a plan gets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from apps.applications.models import Application, Target
from apps.applications.preparation import PULL_SECRET

from . import policy, selectors, validate
from .fields import FieldError
from .parse import DNS_NAME
from .policy import Finding
from .render import ApplicationContext, IngressWithoutHost, TargetContext, render
from .render.network import ingress_host
from .resolve import Resolved, resolve
from .sealing import SecretReferences
from .spec import Spec

Manifest = dict[str, Any]

# What the preview shows for the image while nobody has chosen one.
IMAGE_OF_THE_RELEASE = "(image-of-the-release)"


@dataclass(frozen=True, slots=True)
class Assembly:
    """What one target would get. `objects` is empty when the form data cannot be rendered at all."""

    resolved: Resolved
    objects: tuple[Manifest, ...]
    errors: tuple[FieldError, ...]
    findings: tuple[Finding, ...]
    secrets: SecretReferences
    schemas: validate.SchemaVersion


def target_key(target: Target) -> str:
    """Return the name of a target in the overrides: its environment's slug and its own."""
    return f"{target.environment.slug}/{target.slug}"


def resolve_for(target: Target, base: Mapping[str, Any], overrides: Mapping[str, Any]) -> Resolved:
    """Return the form data as `target` sees it."""
    return resolve(base, overrides, environment=target.environment.slug, target=target_key(target))


def assemble(
    *,
    application: Application,
    target: Target,
    base: Mapping[str, Any],
    overrides: Mapping[str, Any],
    image: str | None = None,
) -> Assembly:
    """Return the objects of `application` on `target` and what is wrong with them; never raises for form data."""
    resolved = resolve_for(target, base, overrides)
    context = _target_context(target)
    schemas = validate.schema_version(context.version)
    if resolved.spec is None:
        return Assembly(resolved, (), resolved.errors, (), SecretReferences(), schemas)
    spec = resolved.spec
    secrets = selectors.secret_references(application, target, spec.referenced_secrets())
    owner = ApplicationContext(
        uid=application.uid,
        slug=application.slug,
        project=application.project.slug,
        identity=selectors.identity_on(application, target),
    )
    errors = [*_missing_values(spec, secrets), *_host_errors(spec, owner, context)]
    objects = _render(spec, owner, context, image or IMAGE_OF_THE_RELEASE, secrets)
    errors += validate.validate(objects, context.version, spec)
    release = policy.Release(image=image, production=target.environment.is_production)
    return Assembly(resolved, tuple(objects), tuple(errors), tuple(policy.check(spec, release)), secrets, schemas)


def _render(
    spec: Spec, application: ApplicationContext, target: TargetContext, image: str, secrets: SecretReferences
) -> list[Manifest]:
    """Return the objects, with a stand-in for each value that is missing: the preview shows where it belongs."""
    stand_ins = {key: f"missing/{key}" for key in spec.referenced_secrets()}
    complete = SecretReferences(secrets.fingerprint or "not-set-yet", {**stand_ins, **secrets.references})
    try:
        return render(spec, application=application, target=target, image=image, secrets=complete)
    except IngressWithoutHost:
        # `_host_errors` has said so; an empty list of objects would hide all other errors.
        return []


def _missing_values(spec: Spec, secrets: SecretReferences) -> Iterable[FieldError]:
    used = set(spec.referenced_secrets())
    for index, secret in enumerate(spec.secrets):
        if secret.name in used and secret.name not in secrets.references:
            yield FieldError(f"secrets[{index}].name", "secret_without_value", {"value": secret.name})


def _host_errors(spec: Spec, application: ApplicationContext, target: TargetContext) -> Iterable[FieldError]:
    if spec.ingress is None:
        return
    try:
        host = ingress_host(spec, application, target)
    except IngressWithoutHost:
        yield FieldError("ingress.host", "ingress_without_host")
        return
    if len(host) > 253 or not DNS_NAME.fullmatch(host):
        yield FieldError("ingress.host", "not_a_dns_name", {"value": host})


def _target_context(target: Target) -> TargetContext:
    cluster = target.cluster
    return TargetContext(
        namespace=target.namespace,
        version=cluster.version,
        ingress_domain=cluster.ingress_domain,
        ingress_class=cluster.ingress_class,
        pull_secret=PULL_SECRET,
    )
