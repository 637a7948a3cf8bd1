"""From a build that was asked for to its run in Jenkins: exactly one, whatever is killed or lost on the way.

pending: write the intent -> trigger -> queued
         an intent without an answer: look by our id -> there: take it up | it may be on its way: look again
                                                     -> surely never arrived: trigger again
queued:  the item has a run: running | it was canceled | Jenkins forgot it: look by our id
"""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus

from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from apps.core.lifecycle import Again
from apps.integrations.errors import IntegrationError, Missing, OutcomeUnknown
from apps.integrations.jenkins.client import JenkinsClient
from apps.integrations.jenkins.entities import BuildRun, QueueItem
from apps.registry import selectors as registry
from apps.repositories import selectors as repositories

from . import endings, job, runs
from .models import Build, Status

QUEUE_POLL_SECONDS = 1.0
LOOK_SECONDS = 2.0
SETTLE = timedelta(seconds=10)  # a Jenkins that restarts may be without the queue it had before, for a moment
MOST_TRIGGERS = 3


def start(build: Build) -> Again | None:
    """Bring the job up to date and trigger it once, whatever killed an earlier try."""
    client = runs.client_of(build)
    if build.triggered_at is not None:
        found = runs.find(client, build)
        if found is not None:
            return _take_up(build, found)
        if runs.in_flight(build):
            return Again(LOOK_SECONDS)
    if build.cancel_requested_at is not None:
        endings.canceled(build)
        return None
    if build.triggers >= MOST_TRIGGERS:
        endings.lost(build)
        return None
    return _trigger(client, build)


def wait_in_queue(build: Build) -> Again | None:
    """Learn the run's number."""
    client = runs.client_of(build)
    assert build.queue_item_id is not None
    try:
        item = client.get_queue_item(build.queue_item_id)
    except Missing:
        return _after_lost_item(client, build)
    if item.number is not None:
        try:
            return _take_up(build, client.get_build(build.job, item.number))
        except Missing:
            endings.deleted(build, item.number)
            return None
    if item.canceled:
        endings.canceled(build)
        return None
    if build.cancel_requested_at is not None:
        client.cancel_queued(item.id)  # the next look tells whether that was in time
    return Again(QUEUE_POLL_SECONDS)


def _trigger(client: JenkinsClient, build: Build) -> Again | None:
    application = build.application
    root = str(application.jenkins.options.get("folder", ""))
    name = job.job_name(root, application.project.slug, application.slug)
    client.ensure_folder(name.rpartition("/")[0])
    client.ensure_job(name, job.job_xml())
    parameters = _parameters(build)
    # The intent is written first: a kill after the trigger finds it and looks before triggering again.
    build.record(job=name, triggered_at=timezone.now(), triggers=build.triggers + 1)
    try:
        item = client.trigger(name, parameters)
    except OutcomeUnknown:
        # It may have waited long for the answer: what Jenkins took in shows up from now on.
        build.record(triggered_at=timezone.now())
        return Again(LOOK_SECONDS)
    except IntegrationError as exc:
        if _was_refused(exc):
            build.record(triggered_at=None, triggers=build.triggers - 1)
        raise
    build.transition(Status.QUEUED, queue_item_id=item)
    return Again(0.3)


def _was_refused(exc: IntegrationError) -> bool:
    """Return whether a trigger surely did nothing: no connection was made, or Jenkins said no to the request as such."""
    if exc.status is None:
        return exc.retryable
    return exc.status < HTTPStatus.INTERNAL_SERVER_ERROR or exc.status == HTTPStatus.SERVICE_UNAVAILABLE


def _take_up(build: Build, found: QueueItem | BuildRun) -> Again:
    """Go on with what Jenkins has of the build."""
    if isinstance(found, QueueItem):
        if build.status == Status.QUEUED:
            build.record(queue_item_id=found.id)
        else:
            build.transition(Status.QUEUED, queue_item_id=found.id)
        return Again(QUEUE_POLL_SECONDS)
    build.transition(
        Status.RUNNING,
        build_number=found.number,
        started_at=found.started_at,
        queue_item_id=build.queue_item_id or found.queue_id,
    )
    return Again(0.2)


def _after_lost_item(client: JenkinsClient, build: Build) -> Again | None:
    """Jenkins forgot the queue item: after some minutes it does, and after a restart it may have lost it."""
    found = runs.find(client, build)
    if found is not None:
        return _take_up(build, found)
    if build.cancel_requested_at is not None:
        endings.canceled(build)
        return None
    if build.triggered_at is not None and timezone.now() - build.triggered_at < SETTLE:
        return Again(QUEUE_POLL_SECONDS)
    if build.triggers >= MOST_TRIGGERS:
        endings.lost(build)
        return None
    # Jenkins had it, and it is neither queued nor built: it never started, so it is safe to ask again.
    build.transition(Status.PENDING, triggered_at=None, queue_item_id=None)
    return Again(0)


def _parameters(build: Build) -> dict[str, str]:
    application = build.application
    callback = settings.BASE_URL + reverse("hook-jenkins", kwargs={"uid": build.uid})
    return {
        runs.ID_PARAMETER: str(build.uid),
        "SLIPWAY_CALLBACK_URL": callback,
        "GIT_URL": repositories.clone_url(application),
        "GIT_BRANCH": build.ref if build.ref_kind == "branch" else application.branch,
        "GIT_COMMIT": build.commit_sha,
        "IMAGE_REPOSITORY": f"{registry.registry_host(application.harbor)}/{application.image_repository}",
        "IMAGE_TAG": image_tag(build),
        "DOCKERFILE": build.dockerfile.content,
        "BUILD_ARGS": "{}",
        "SCAN": "true",
        "NO_CACHE": "true" if build.no_cache else "false",
    }


def image_tag(build: Build) -> str:
    """Return the tag an image is pushed under: readable, and unique within the application."""
    return f"{build.commit_sha[:12]}-{build.number}"
