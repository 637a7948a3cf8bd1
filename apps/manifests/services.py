"""The only writers of this app: save a revision, set a secret value, render the set of a target.

A revision is checked for the base and for every environment and target of the project before it is saved, so a saved
revision can always be rendered, except for what it does not hold: values of secrets, an image, a cluster's version.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction

from apps.applications.models import Application, Environment, Target, next_number
from apps.audit import services as audit
from apps.core import events
from apps.core.actors import Actor
from apps.core.errors import Blocked, Conflict, InvalidInput

from . import canonical, overrides, sealing, selectors
from .assembly import assemble, target_key
from .fields import FieldError, format_path, type_name
from .messages import PREFIX, describe
from .models import DeployYmlRevision, FingerprintKey, ManifestSet, SecretValue
from .overrides import PLATFORM
from .parse import SECRET_KEY
from .policy import Severity
from .resolve import ENVIRONMENTS, TARGETS, Resolved, resolve

# A row of JSON that no form ever makes; larger ones would slow down every page that shows revisions.
LARGEST_DOCUMENT = 2 * 1024 * 1024
LARGEST_SECRET = 64 * 1024


def field_problems(errors: Iterable[FieldError]) -> dict[str, list[dict[str, Any]]]:
    """Return errors as the API and the pages take them: by field, each with its code, parameters and sentence."""
    problems: dict[str, list[dict[str, Any]]] = {}
    for error in errors:
        problem = {"code": error.code, "params": dict(error.params), "message": describe(error.code, error.params)}
        problems.setdefault(error.path, []).append(problem)
    return problems


def check_document(application: Application, base: Mapping[str, Any], changes: Mapping[str, Any]) -> list[FieldError]:
    """Return every error of the form data, for the base and each environment and target, at the field that was written.

    Paths begin with ``base``, ``environments["<slug>"]`` or ``targets["<environment>/<target>"]``.
    """
    environments = list(Environment.objects.filter(project=application.project).prefetch_related("targets"))
    targets = [
        (environment.slug, f"{environment.slug}/{target.slug}")
        for environment in environments
        for target in environment.targets.all()
    ]
    errors = [*_check_shape(changes, {environment.slug for environment in environments}, {key for _, key in targets})]
    if errors:
        return errors
    stacks = [resolve(base), *(resolve(base, changes, environment=environment.slug) for environment in environments)]
    stacks += [resolve(base, changes, environment=slug, target=key) for slug, key in targets]
    # The same mistake in the base shows in every stack, at the same field.
    found = {(error.path, error.code): error for stack in stacks for error in _written_errors(stack)}
    return list(found.values())


def _check_shape(changes: Mapping[str, Any], environments: set[str], targets: set[str]) -> Iterable[FieldError]:
    known = {ENVIRONMENTS: (environments, "no_such_environment"), TARGETS: (targets, "no_such_target")}
    for group, documents in changes.items():
        if group not in known:
            yield FieldError(group, "unknown_field")
        elif not isinstance(documents, dict):
            yield FieldError(group, "wrong_type", {"wanted": "object", "found": type_name(documents)})
        else:
            slugs, code = known[group]
            for slug, document in documents.items():
                path = format_path((group, slug))
                if slug not in slugs:
                    yield FieldError(path, code, {"value": slug})
                elif not isinstance(document, dict):
                    yield FieldError(path, "wrong_type", {"wanted": "object", "found": type_name(document)})


def _written_errors(resolved: Resolved) -> Iterable[FieldError]:
    """Yield the errors of one stack at the layer that a person wrote; nobody can mend the platform's defaults."""
    for error in resolved.errors:
        source = resolved.source(error.path)
        if source.layer == PLATFORM:
            source = overrides.Source(resolved.layers[-1].name, error.path)
        group, _, slug = source.layer.partition(":")
        prefix = format_path((f"{group}s", slug)) if slug else group
        joint = "" if not source.path or source.path.startswith("[") else "."
        yield FieldError(f"{prefix}{joint}{source.path}", error.code, error.params)


def save_revision(
    *,
    application: Application,
    base: Mapping[str, Any],
    overrides: Mapping[str, Any],
    note: str,
    actor: Actor,
    expected_number: int | None,
) -> DeployYmlRevision:
    """Save form data as the next revision; `expected_number` is the revision it was made from (None: the first one).

    Raises:
        InvalidInput: the form data has errors, by field.
        Conflict: somebody saved another revision meanwhile.
    """
    if len(canonical.encode([{"base": base, "overrides": overrides}])) > LARGEST_DOCUMENT:
        raise InvalidInput("deployyml.too_large", most=LARGEST_DOCUMENT)
    errors = check_document(application, base, overrides)
    if errors:
        raise InvalidInput("deployyml.invalid", fields=field_problems(errors))
    with transaction.atomic():
        number = next_number(application, "deployyml")  # holds the counter's lock until the end
        latest = selectors.find_latest_revision(application)
        if (latest.number if latest else None) != expected_number:
            name = latest.created_by_name if latest else ""
            raise Conflict("deployyml.changed_meanwhile", number=latest.number if latest else 0, name=name)
        revision = DeployYmlRevision.objects.create(
            application=application,
            number=number,
            base=base,
            overrides=overrides,
            note=note,
            created_by=actor.user,
            created_by_name=actor.name,
        )
        audit.record(
            actor=actor,
            action="deployyml.save",
            subject=revision,
            project=application.project,
            name=f"{application.slug} r{number}",
            note=note,
        )
        events.emit("deployyml.saved", revision, project_id=application.project_id, topics=[application.live_topic])
    return revision


def restore_revision(
    *, application: Application, number: int, actor: Actor, expected_number: int | None
) -> DeployYmlRevision:
    """Save the form data of an earlier revision as the newest one.

    Raises:
        NotFound: there is no such revision.
        InvalidInput, Conflict: see `save_revision`; an environment it speaks of may be gone.
    """
    earlier = selectors.get_revision(application, number)
    return save_revision(
        application=application,
        base=earlier.base,
        overrides=earlier.overrides,
        note=f"r{number}",
        actor=actor,
        expected_number=expected_number,
    )


def set_secret(
    *,
    application: Application,
    key: str,
    value: str,
    actor: Actor,
    environment: Environment | None = None,
    target: Target | None = None,
) -> SecretValue:
    """Store a new version of a secret value, for everywhere, one environment or one target.

    Raises:
        InvalidInput: the key is not a valid name, or the value is empty, too long or not text.
    """
    problems: dict[str, list[Any]] = {}
    if not SECRET_KEY.fullmatch(key):
        problems["key"] = [describe("not_a_secret_key", {})]
    if not value:
        problems["value"] = [describe("required", {})]
    elif len(value.encode(errors="replace")) > LARGEST_SECRET:
        problems["value"] = [describe("too_long", {"longest": LARGEST_SECRET})]
    elif "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        problems["value"] = [describe("not_text", {})]
    if problems:
        raise InvalidInput(fields=problems)
    return _add_version(application, key, value, actor, environment, target, action="secret.set")


def withdraw_secret(
    *,
    application: Application,
    key: str,
    actor: Actor,
    environment: Environment | None = None,
    target: Target | None = None,
) -> SecretValue:
    """Take a value out of use from now on; what was released with it can still be rolled back to.

    Raises:
        Conflict: there is no such value.
    """
    known = selectors.list_secret_values(application)
    scope = (getattr(environment, "pk", None), getattr(target, "pk", None))
    if not any(value.key == key and (value.environment_id, value.target_id) == scope for value in known):
        raise Conflict("secret.not_set", key=key)
    return _add_version(application, key, "", actor, environment, target, action="secret.withdraw")


def _add_version(
    application: Application,
    key: str,
    value: str,
    actor: Actor,
    environment: Environment | None,
    target: Target | None,
    *,
    action: str,
) -> SecretValue:
    scope, place = SecretValue.Scope.BASE, "base"
    if target is not None:
        scope, place, environment = SecretValue.Scope.TARGET, f"target:{target_key(target)}", None
    elif environment is not None:
        scope, place = SecretValue.Scope.ENVIRONMENT, f"environment:{environment.slug}"
    with transaction.atomic():
        # One number for all secrets of an application: the counter's lock puts two writers in a row.
        version = next_number(application, "secret")
        FingerprintKey.objects.get_or_create(application=application, defaults={"key": secrets.token_urlsafe(32)})
        row = SecretValue.objects.create(
            application=application,
            scope=scope,
            environment=environment,
            target=target,
            key=key,
            version=version,
            reference=f"{place}/{key}@{version}",
            value=value,
            withdrawn=not value,
            created_by=actor.user,
            created_by_name=actor.name,
        )
        audit.record(
            actor=actor,
            action=action,
            subject=row,
            project=application.project,
            name=f"{application.slug} {key}",
            scope=place,
            version=version,
        )
        events.emit("secret.changed", row, project_id=application.project_id, topics=[application.live_topic])
    return row


def render_for_target(
    *, application: Application, target: Target, revision: DeployYmlRevision, image: str
) -> ManifestSet:
    """Return the stored manifest set of a revision for a target; `image` is a full reference by digest.

    Rendering the same again gives the same row. This is called when a plan is made; deployments read the stored bytes.

    Raises:
        InvalidInput: the revision cannot be rendered for this target, by field of its resolved document.
        Blocked: the platform's policy forbids it.
    """
    made = assemble(
        application=application, target=target, base=revision.base, overrides=revision.overrides, image=image
    )
    if made.errors:
        raise InvalidInput(
            "deployyml.cannot_render",
            fields=field_problems(made.errors),
            revision=str(revision),
            target=str(target),
            reason=describe(made.errors[0].code, made.errors[0].params),
        )
    blocking = [finding for finding in made.findings if finding.severity == Severity.BLOCK]
    if blocking:
        raise Blocked(
            "deployyml.forbidden",
            blockers=[(PREFIX + finding.code, dict(finding.params)) for finding in blocking],
            target=str(target),
        )
    content = canonical.encode(made.objects)
    fingerprint = made.secrets.fingerprint
    stored, _created = ManifestSet.objects.get_or_create(
        application=application,
        target=target,
        revision=revision,
        plan_hash=sealing.plan_hash(content, fingerprint),
        defaults={
            "image": image,
            "image_digest": image.rpartition("@")[2],
            "content": content,
            "sha256": canonical.sha256(content),
            "secret_fingerprint": fingerprint,
        },
    )
    return stored
