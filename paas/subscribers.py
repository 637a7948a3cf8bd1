"""Who wakes up when something has happened: the choreography of the product on one page.

Keys are event names (`<noun>.<past>`), values are Celery task names; each task gets the event's id.
News travels upwards only this way, as data (an `Event` row), never as an import.
"""

EVENT_SUBSCRIBERS: dict[str, list[str]] = {
    "application.created": ["repositories.on_application"],
    "application.updated": ["repositories.on_application"],
    "push.received": ["builds.on_push"],
    "deployment.succeeded": ["deployments.watch_drift", "releases.on_deployment"],
    "deployment.failed": ["deployments.on_ended", "deployments.on_failed", "releases.on_deployment"],
    "deployment.errored": ["deployments.on_ended", "deployments.on_failed", "releases.on_deployment"],
    "deployment.canceled": ["deployments.on_ended", "releases.on_deployment"],
    "deployment.superseded": ["releases.on_deployment"],
}
