"""Reads: revisions, secret values (who set them when; values only to bind them), stored manifest sets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from apps.applications.models import Application, Target
from apps.core.errors import NotFound
from apps.integrations.redaction import Redactor

from . import canonical, sealing
from .models import Adoption, DeployYmlRevision, FingerprintKey, ManifestSet, SecretValue
from .render.context import Identity
from .resolve import resolve
from .sealing import SecretReferences

Manifest = dict[str, Any]


def list_revisions(application: Application) -> QuerySet[DeployYmlRevision]:
    """Return an application's revisions, newest first."""
    return DeployYmlRevision.objects.filter(application=application).select_related(
        "application__project", "created_by"
    )


def find_latest_revision(application: Application) -> DeployYmlRevision | None:
    """Return the revision that is shown and edited, None before the first one."""
    return list_revisions(application).first()


def get_revision(application: Application, number: int) -> DeployYmlRevision:
    """Return one revision.

    Raises:
        NotFound: there is none of that number.
    """
    revision = list_revisions(application).filter(number=number).first()
    if revision is None:
        raise NotFound("object.missing")
    return revision


def find_previous_revision(revision: DeployYmlRevision) -> DeployYmlRevision | None:
    """Return the revision before this one, None for the first."""
    return list_revisions(revision.application).filter(number__lt=revision.number).first()


def find_adoption(application: Application, target: Target) -> Adoption | None:
    """Return what an application adopted on a target, None where it began with Slipway."""
    return Adoption.objects.filter(application=application, target=target).select_related("revision").first()


def identity_on(application: Application, target: Target) -> Identity:
    """Return the names and labels that rendering keeps on a target: those of what was adopted there, else none."""
    adoption = find_adoption(application, target)
    return Identity(**adoption.identity) if adoption else Identity()


def list_secret_values(application: Application) -> list[SecretValue]:
    """Return the newest version of each value in each scope, without the value itself."""
    newest = (
        SecretValue.objects.filter(application=application)
        .defer("value")
        .select_related("environment", "target__environment", "created_by")
        .order_by("key", "scope", "environment_id", "target_id", "-version")
        .distinct("key", "scope", "environment_id", "target_id")
    )
    return [value for value in newest if not value.withdrawn]


def secret_references(application: Application, target: Target, keys: Iterable[str]) -> SecretReferences:
    """Return the references and the fingerprint of the values that `target` gets for `keys`.

    The value of the target wins over that of its environment, that over the one for everywhere. A key without a value
    is simply not in the answer.
    """
    wanted = set(keys)
    chosen = {key: value for key, value in _effective(list_secret_values(application), target).items() if key in wanted}
    if not chosen:
        return SecretReferences()
    # Only the chosen rows are decrypted.
    plain = bound_values(application, [value.reference for value in chosen.values()])
    key = FingerprintKey.objects.get(application=application).key.encode()
    return SecretReferences(
        fingerprint=sealing.fingerprint(key, {name: plain[value.reference] for name, value in chosen.items()}),
        references={name: value.reference for name, value in chosen.items()},
    )


def list_declared_secrets(application: Application) -> list[str]:
    """Return the names of secret values that the newest revision declares anywhere, sorted."""
    newest = find_latest_revision(application)
    if newest is None:
        return []
    documents = [newest.base, *(one for group in newest.overrides.values() for one in group.values())]
    rows = [row for document in documents for row in document.get("secrets") or []]
    return sorted({row["name"] for row in rows if not row.get("remove")})


def list_missing_secrets(application: Application, targets: Sequence[Target]) -> list[tuple[str, list[Target]]]:
    """Return the secret values that the newest revision uses and some targets have no value for, by name."""
    newest = find_latest_revision(application)
    if newest is None:
        return []
    values = list_secret_values(application)
    missing: dict[str, list[Target]] = {}
    for target in targets:
        names = {"environment": target.environment.slug, "target": f"{target.environment.slug}/{target.slug}"}
        spec = resolve(newest.base, newest.overrides, **names).spec
        known = _effective(values, target)
        for key in spec.referenced_secrets() if spec else ():
            if key not in known:
                missing.setdefault(key, []).append(target)
    return sorted(missing.items())


def _effective(values: Sequence[SecretValue], target: Target) -> dict[str, SecretValue]:
    """Return the value that `target` gets for each key: its own, its environment's, or the one for everywhere."""
    ranks = {SecretValue.Scope.BASE: 0, SecretValue.Scope.ENVIRONMENT: 1, SecretValue.Scope.TARGET: 2}
    mine = [
        value
        for value in values
        if value.environment_id in {None, target.environment_id} and value.target_id in {None, target.pk}
    ]
    return {value.key: value for value in sorted(mine, key=lambda value: ranks[SecretValue.Scope(value.scope)])}


def bound_values(application: Application, references: Iterable[str]) -> Mapping[str, str]:
    """Return the plain values behind references. Never log, store or send on what this returns."""
    rows = SecretValue.objects.filter(application=application, reference__in=list(references))
    return dict(rows.values_list("reference", "value"))


def secret_values(application: Application) -> set[str]:
    """Return the plain values of all secrets an application has or had: old ones are bound again by a rollback.

    Only for masking. Never log, store or send on what this returns.
    """
    return set(SecretValue.objects.filter(application=application, withdrawn=False).values_list("value", flat=True))


def stored_objects(manifest_set: ManifestSet) -> list[Manifest]:
    """Return the objects of a stored set; secrets hold references."""
    return canonical.decode(bytes(manifest_set.content))


@dataclass(frozen=True, slots=True, repr=False)
class BoundObjects:
    """Objects ready to be applied, and a way to keep their secret values out of what a cluster answers."""

    objects: list[Manifest]
    redactor: Redactor


def bound_objects(manifest_set: ManifestSet) -> BoundObjects:
    """Return the objects of a stored set with the secret values in place.

    Raises:
        UnboundSecret: a value it was rendered with does not exist (any more).
    """
    objects = stored_objects(manifest_set)
    values = bound_values(manifest_set.application, sealing.list_references(objects))
    return BoundObjects(sealing.bind_secrets(objects, values), Redactor(values.values()))


def list_images(objects: Iterable[Manifest]) -> list[str]:
    """Return the images that the pods of these objects run, init containers and sidecars too, each once."""
    found: dict[str, None] = {}
    for item in objects:
        pod = ((item.get("spec") or {}).get("template") or {}).get("spec") or {}
        for container in [*(pod.get("containers") or []), *(pod.get("initContainers") or [])]:
            found.setdefault(container["image"])
    return list(found)


def get_manifest_set(application: Application, sha256: str) -> ManifestSet:
    """Return the newest stored set with these bytes.

    Raises:
        NotFound: there is none.
    """
    found = (
        ManifestSet.objects.filter(application=application, sha256=sha256)
        .select_related("revision", "target__environment", "target__cluster")
        .order_by("-id")
        .first()
    )
    if found is None:
        raise NotFound("object.missing")
    return found
