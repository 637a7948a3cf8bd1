"""Make a live Deployment an application's: its form as a revision, its names and labels for rendering, its secret values.

Nothing in the cluster changes. The first release there takes the fields over, under the same names and the same selector.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from django.db import IntegrityError, transaction

from apps.applications.models import Application, Target
from apps.audit import services as audit
from apps.core.actors import Actor
from apps.core.errors import Blocked, Conflict, InvalidInput

from . import overrides, selectors, services
from .assembly import target_key
from .fields import FieldError
from .importing import Finding, Imported
from .models import Adoption, DeployYmlRevision
from .resolve import TARGETS, resolve

PREFIX = "adoption."


def find_obstacles(application: Application, target: Target, imported: Imported) -> list[FieldError]:
    """Return the errors of the form that an import makes, as saving it would find them."""
    base, changes = documents(application, target, imported)
    return services.check_document(application, base, changes)


def documents(application: Application, target: Target, imported: Imported) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return base and overrides of the revision: the first one is the base, later ones are what the target differs in."""
    latest = selectors.find_latest_revision(application)
    if latest is None:
        return imported.document, {}
    wanted = resolve(imported.document).document
    below = overrides.resolve(layers_below(latest, target))
    changes = {group: dict(layers) for group, layers in latest.overrides.items()}
    changes[TARGETS] = {**changes.get(TARGETS, {}), target_key(target): overrides.difference(below, wanted)}
    return dict(latest.base), changes


def adopt(
    *,
    application: Application,
    target: Target,
    imported: Imported,
    managers: Sequence[str],
    values: Mapping[str, str],
    actor: Actor,
) -> Adoption:
    """Save the revision, the names that rendering keeps and the secret values that were agreed to, all or nothing.

    Raises:
        Blocked: something of it has no place in the form, and it would not run without.
        InvalidInput: the form that it makes has errors, by field.
        Conflict: the application, or this Deployment, is adopted there already; or somebody saved a revision meanwhile.
    """
    if imported.stops:
        raise Blocked("adoption.stopped", blockers=[word(finding) for finding in imported.stops])
    base, changes = documents(application, target, imported)
    latest = selectors.find_latest_revision(application)
    name = imported.identity.workload
    try:
        with transaction.atomic():
            revision = services.save_revision(
                application=application,
                base=base,
                overrides=changes,
                note=f"{name} ({target})",
                actor=actor,
                expected_number=latest.number if latest else None,
            )
            _require_same(revision, target, imported)
            for key, value in values.items():
                services.set_secret(application=application, key=key, value=value, actor=actor, target=target)
            adoption = Adoption.objects.create(
                application=application,
                target=target,
                revision=revision,
                workload=name,
                identity=asdict(imported.identity),
                managers=list(managers),
                created_by=actor.user,
                created_by_name=actor.name,
            )
            audit.record(
                actor=actor,
                action="application.adopt",
                subject=adoption,
                project=application.project,
                name=f"{application.slug} {name}",
                target=str(target),
                revision=revision.number,
                managers=list(managers),
                secrets=sorted(values),
            )
    except IntegrityError as exc:
        raise Conflict("adoption.already", workload=name, target=str(target)) from exc
    return adoption


def withdraw(*, adoption: Adoption, actor: Actor) -> None:
    """Forget an adoption: rendering names the objects after the application again. Revision and secret values stay."""
    with transaction.atomic():
        audit.record(
            actor=actor,
            action="application.adoption_withdraw",
            subject=adoption,
            project=adoption.application.project,
            name=f"{adoption.application.slug} {adoption.workload}",
            target=str(adoption.target),
        )
        adoption.delete()


def word(finding: Finding) -> tuple[str, dict[str, Any]]:
    """Return the code and the parameters of a finding's sentence."""
    return f"{PREFIX}{finding.code}", {"object": finding.object, "path": finding.path, **finding.params}


def layers_below(revision: DeployYmlRevision, target: Target) -> tuple[overrides.Layer, ...]:
    """Return the layers that a target's own lies on."""
    return resolve(revision.base, revision.overrides, environment=target.environment.slug).layers


def _require_same(revision: DeployYmlRevision, target: Target, imported: Imported) -> None:
    """Raise where the revision does not say on the target what was read there: the order of ports cannot be overridden.

    Raises:
        InvalidInput: it does not.
    """
    said = resolve(
        revision.base, revision.overrides, environment=target.environment.slug, target=target_key(target)
    ).document
    if _first_port(said) != _first_port(imported.document):
        raise InvalidInput("adoption.ports_in_another_order", fields={"ports": ["order"]})


def _first_port(document: Mapping[str, Any]) -> Any:
    return next((port["name"] for port in document.get("ports", []) if port.get("protocol", "TCP") == "TCP"), None)
