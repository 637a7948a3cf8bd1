"""Verbs on drift: watch for it, look now, bring back what was deployed, or accept what is live into the DeployYml."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.applications.models import Application, Target
from apps.core.actors import Actor
from apps.core.errors import Conflict
from apps.core.lifecycle import advance
from apps.core.models import Event
from apps.deployments import selectors
from apps.deployments.models import Deployment, DriftWatch
from apps.integrations.redaction import Redactor
from apps.manifests import selectors as manifests
from apps.manifests import services as revisions
from apps.manifests.assembly import assemble, resolve_for, target_key
from apps.manifests.layers import EditedLayer
from apps.manifests.models import DeployYmlRevision, ManifestSet

from . import accepting, reading
from .comparing import REMOVED, FieldDrift, ObjectDrift, value_at
from .watching import STEPS

Chosen = tuple[ObjectDrift, FieldDrift]


@dataclass(frozen=True, slots=True)
class Accepted:
    """The revision that says what is live, what of it went in, and what did not with the code of why."""

    revision: DeployYmlRevision
    accepted: list[str]
    refused: list[tuple[str, str]]


def watch_drift(event_id: int) -> None:
    """Begin to watch the place of a deployment that succeeded, and look at it now."""
    event = Event.objects.filter(pk=event_id).first()
    deployment = Deployment.objects.filter(pk=event.object_id).first() if event else None
    if deployment is not None:
        _watch(deployment.application_id, deployment.target_id).wake()


def advance_watch(watch_id: int) -> None:
    """Run the next step of a watch."""
    advance(DriftWatch, watch_id, STEPS)


def check_now(*, application: Application, target: Target) -> DriftWatch:
    """Have a target looked at now rather than when it is due. It changes nothing, so it leaves no audit row.

    Raises:
        Conflict: nothing was deployed there.
    """
    _require_live(application, target)
    watch = _watch(application.pk, target.pk)
    watch.wake()
    return watch


def accept(
    *, application: Application, target: Target, actor: Actor, chosen: Collection[str] | None = None
) -> Accepted:
    """Save a revision whose layer for this target says what is live at drifted fields: at all, or at those chosen.

    `chosen` are fields as `<kind>/<name> <path>`. The cluster is read again: what is accepted is what is live now. A
    field counts only where rendering the new revision gives exactly that value. Nothing is applied: the next release does.

    Raises:
        Conflict: nothing was deployed there, there is nothing to accept, or somebody saved a revision meanwhile.
        InvalidInput: the form does not take such values.
        IntegrationError: the cluster cannot be asked.
    """
    live = _require_live(application, target)
    stored = selectors.final_stage(live).manifest_set
    drifts, redactor = reading.look_closely(application, target, stored)
    wanted: list[Chosen] = []
    refused: list[tuple[str, str]] = []
    for drift, field in _fields(drifts, chosen):
        code = _refusal(drift, field, redactor)
        if code:
            refused.append((label(drift, field), code))
        else:
            wanted.append((drift, field))
    latest = manifests.find_latest_revision(application) or stored.revision
    base, overrides, misfits = _form_data(application, target, latest, stored, wanted)
    if misfits:
        wanted = [each for each in wanted if each not in misfits]
        refused += [(label(*each), "drift.does_not_fit") for each in misfits]
        base, overrides, _ = _form_data(application, target, latest, stored, wanted)
    if not wanted:
        raise Conflict("drift.nothing_to_accept", target=str(target))
    accepted = [label(*each) for each in wanted]
    revision = revisions.save_revision(
        application=application,
        base=base,
        overrides=overrides,
        note=f"{target}: " + ", ".join(field.path.rpartition(".")[2] for _, field in wanted)[:200],
        actor=actor,
        expected_number=latest.number,
    )
    return Accepted(revision, accepted, refused)


def label(drift: ObjectDrift, field: FieldDrift) -> str:
    """Return how a drifted field is named to choose it."""
    return f"{drift.kind}/{drift.name} {field.path}"


def _watch(application_id: int, target_id: int) -> DriftWatch:
    watch, _created = DriftWatch.objects.get_or_create(application_id=application_id, target_id=target_id)
    return watch


def _require_live(application: Application, target: Target) -> Deployment:
    live = selectors.live_deployment(application, target)
    if live is None:
        raise Conflict("drift.nothing_deployed", target=str(target))
    return live


def _fields(drifts: Sequence[ObjectDrift], chosen: Collection[str] | None) -> list[Chosen]:
    found = [(drift, field) for drift in drifts for field in drift.fields]
    return [each for each in found if chosen is None or label(*each) in chosen]


def _refusal(drift: ObjectDrift, field: FieldDrift, redactor: Redactor) -> str:
    if str(field.live) != redactor(str(field.live)):
        return "drift.is_secret"  # the form is shown to everybody
    return accepting.why_not(drift.kind, field.path, hidden=field.hidden, live=field.live)


def _form_data(
    application: Application, target: Target, latest: DeployYmlRevision, stored: ManifestSet, wanted: Sequence[Chosen]
) -> tuple[dict[str, Any], dict[str, Any], list[Chosen]]:
    """Return the form data with the target's layer saying what is live, and those fields that it does not bring about."""
    layer = EditedLayer(f"target:{target_key(target)}", target.environment.slug, target_key(target))
    resolved = resolve_for(target, latest.base, latest.overrides).document
    document: Mapping[str, Any] = layer.document(latest.base, latest.overrides)
    for drift, field in wanted:
        document = accepting.layer_with(document, resolved, drift, field)
    base, overrides = layer.replace(latest.base, latest.overrides, document)
    made = assemble(application=application, target=target, base=base, overrides=overrides, image=stored.image)
    if made.errors:
        return base, overrides, []  # saving says what is wrong, field by field
    objects = {(item["kind"], item["metadata"]["name"]): item for item in made.objects}
    misfits = [each for each in wanted if not _brings_about(objects.get((each[0].kind, each[0].name)), each[1])]
    return base, overrides, misfits


def _brings_about(rendered: Mapping[str, Any] | None, field: FieldDrift) -> bool:
    if rendered is None:
        return False
    value = value_at(rendered, field.steps)
    return value is None if field.what == REMOVED else bool(value == field.live)
