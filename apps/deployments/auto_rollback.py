"""Roll a release that failed back by itself, where its environment says so.

deployment.failed / errored: did anything reach the cluster -> is there a version to go back to -> has nobody done anything
since -> does the cluster take changes now -> a rollback, whose own failure is the end of it
What cannot be done now (the cluster is away, or in maintenance) is tried again for an hour, and said either way.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from apps.clusters import breaker
from apps.core.actors import system_actor
from apps.core.errors import Conflict, SlipwayError
from apps.core.models import Event
from apps.integrations.errors import IntegrationError, Unavailable
from apps.workloads import reading as workloads

from . import entries, selectors
from .models import Deployment, DeploymentEntry, Status
from .services import request_rollback

TRIED_FOR = timedelta(hours=1)


def roll_back_automatically(event_id: int) -> None:
    """Roll a failed release back where its environment says so and nothing newer has happened there since.

    Raises:
        SlipwayError: not now; the reaction is put off and tried again.
    """
    event = Event.objects.filter(pk=event_id).first()
    failed = (
        Deployment.objects.select_related(*selectors.RELATED)
        .filter(pk=event.object_id, status__in=(Status.FAILED, Status.ERRORED), kind=Deployment.Kind.DEPLOY)
        .first()
        if event is not None
        else None
    )
    if failed is None or not failed.target.environment.auto_rollback:
        return
    if failed.first_accepted_at is None:
        _say(failed, "deployment.nothing_to_undo")
        return
    live = selectors.live_deployment(failed.application, failed.target)
    if live is None:
        _say(failed, "deployment.nothing_to_roll_back_to", entries.WARNING)
        return
    if selectors.find_newer(failed) is not None:
        return
    try:
        _require_cluster(failed)
    except SlipwayError as exc:
        if timezone.now() - (failed.finished_at or failed.status_since) > TRIED_FOR:
            _say(failed, "deployment.not_rolled_back", entries.ERROR)
            return
        _say(failed, "deployment.rollback_waits", entries.WARNING, cluster=failed.target.cluster.name)
        raise exc
    try:
        rollback = request_rollback(
            deployment=live,
            actor=system_actor("auto-rollback"),
            only_after=failed,
            # Who decided for that version that fields are Slipway's decided it for its way back too.
            take_over_fields=live.take_over_fields,
        )
    except Conflict as exc:
        if exc.code != "deployment.newer_exists":
            for code, params in [(exc.code, exc.params), *getattr(exc, "blockers", [])]:
                _say(failed, code, entries.ERROR, **params)
        return
    _say(failed, "deployment.rolled_back_automatically", to=live.number, by=rollback.number)


def _require_cluster(failed: Deployment) -> None:
    """Raise where the cluster takes no changes now.

    Raises:
        SlipwayError: it is in maintenance, or does not answer.
    """
    cluster = failed.target.cluster
    if cluster.in_maintenance or breaker.seconds_until_try(cluster.pk):
        raise Unavailable("kubernetes", "roll back", message="left alone for a while")
    if failed.status == Status.ERRORED:
        try:
            with breaker.watch(cluster.pk, Unavailable):
                workloads.client_for(failed.target).version()
        except IntegrationError as exc:
            raise Unavailable("kubernetes", "roll back", message=exc.message) from exc


def _say(failed: Deployment, code: str, level: str = entries.INFO, **params: Any) -> None:
    """Add a line to the timeline, once however often this is tried."""
    if not DeploymentEntry.objects.filter(deployment=failed, code=code).exists():
        entries.note(failed, code, level, **params)
