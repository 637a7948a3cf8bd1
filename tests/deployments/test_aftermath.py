"""What is told after a deployment has ended: what serves after a bad end, and what became of a good one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.console import cells
from apps.core.models import Event
from apps.deployments import aftercare, presentation, selectors, serving
from apps.deployments.models import Aftercare, Deployment, Status
from apps.integrations.errors import Unavailable
from apps.workloads.reading import Reading
from tests.deployments.rows import Rows, browser, make
from tests.deployments.world import Place, finish, greeting, running, until

NOW = datetime(2026, 11, 22, 23, 0, tzinfo=UTC)
CRASH = "import sys; sys.exit(3)"
# Ready at once, and then it dies: what a readiness probe cannot know.
LATER = """
import http.server, os, sys, threading, time
threading.Thread(target=lambda: (time.sleep(4), os._exit(7)), daemon=True).start()
class Answer(http.server.BaseHTTPRequestHandler):
    pass
http.server.ThreadingHTTPServer((os.environ.get("POD_IP", "0.0.0.0"), 8080), Answer).serve_forever()
"""


@pytest.fixture
def rows(db: None, settings: Any) -> Rows:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return make()


def tell(ended: Deployment) -> None:
    event = Event.objects.filter(object_id=ended.pk, name=f"deployment.{ended.status}").latest("id")
    serving.tell_what_serves(event.pk)
    ended.refresh_from_db()


def look(watch: Aftercare) -> None:
    """Take the next look now."""
    Aftercare.objects.filter(pk=watch.pk).update(next_step_at=None)
    aftercare.look_after(watch.pk)
    watch.refresh_from_db()


def test_a_failed_rollout_says_what_serves(place: Place) -> None:
    first = place.run(running(CRASH))
    tell(first)
    assert (first.status, first.serving) == (Status.FAILED, [])
    assert presentation.serving(first)["message"] == "Nothing of it serves now: no pod is ready."

    good = place.run(greeting("good"))
    bad = place.run(running(CRASH))
    tell(bad)
    assert bad.serving == [{"deployment": good.number, "ready": 1, "wanted": 1}]
    assert presentation.timeline(bad)[-1]["title"] == f"What serves now: deployment {good.number}, 1 of 1 pod ready."
    asked = place.sandbox.journal_end()
    tell(bad)
    assert not place.sandbox.journal(place.cluster, asked), "it is told once"


def test_a_crash_soon_after_success_is_told_everywhere(place: Place) -> None:
    document = running(LATER, probes={"readiness": {"type": "tcp", "port": "http", "period": 1}})
    deployment = place.run(document)
    assert deployment.status == Status.SUCCEEDED
    watch = deployment.aftercare
    assert watch.next_step_at is not None
    asked = place.sandbox.journal_end()
    look(watch)
    requests = [entry["path"] for entry in place.sandbox.journal(place.cluster, asked) if "events" in entry["path"]]
    assert (watch.status, requests) == ("watching", []), "what is well costs no question about events"

    deadline = timezone.now() + timedelta(seconds=40)
    while watch.status == "watching" and timezone.now() < deadline:
        Aftercare.objects.filter(pk=watch.pk).update(looks=1)
        look(watch)
    deployment.refresh_from_db()
    assert watch.status == "unwell"
    assert deployment.afterwards["params"]["exit_code"] == 7
    assert deployment.entries.filter(code="deployment.ran_badly", level="warning").exists()
    assert Event.objects.filter(name="aftercare.unwell", object_id=watch.pk).exists()

    place.run(greeting("newer"))
    [point] = selectors.rollback_points(place.application, place.target)
    told = presentation.afterwards(point)
    assert told is not None
    assert "exit code 7" in told["message"]
    look(watch)
    assert watch.status == "ended", "a newer version is looked after instead"


def test_a_rollout_that_moves_on_gets_more_time(place: Place) -> None:
    deployment = until(place.request(greeting("one")), Status.PROGRESSING)
    soon = timezone.now() + timedelta(seconds=60)
    Deployment.objects.filter(pk=deployment.pk).update(deadline_at=soon)
    finish(deployment)
    assert deployment.status == Status.SUCCEEDED
    assert deployment.deadline_at is not None
    assert deployment.deadline_at > soon + timedelta(minutes=5)


def pod(name: str, *, restarts: int = 0, ready: bool = True, exit_code: int = 1, created: float = 60) -> dict[str, Any]:
    last = {"terminated": {"exitCode": exit_code, "reason": "Error", "finishedAt": at(5)}} if restarts else {}
    return {
        "metadata": {
            "name": name, "uid": name, "creationTimestamp": at(created), "ownerReferences": [{"uid": "rs"}],
        },
        "spec": {"containers": [{"name": "web", "image": "i"}]},
        "status": {
            "phase": "Running",
            "containerStatuses": [
                {"name": "web", "ready": ready, "restartCount": restarts, "lastState": last,
                 "state": {"running": {"startedAt": at(4)}}}
            ],
        },
    }  # fmt: skip


def at(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).isoformat()


def reading(*pods: dict[str, Any]) -> Reading:
    template: dict[str, Any] = {"spec": {"containers": []}}
    deployment = {"metadata": {"name": "web", "uid": "web"}, "spec": {"template": template}}
    owned = {"uid": "rs", "name": "web-1", "ownerReferences": [{"uid": "web"}], "creationTimestamp": at(60)}
    return Reading(NOW, deployment, [{"metadata": owned, "spec": {"template": template}}], list(pods), [])


def test_trouble_is_counted_over_all_pods_of_the_version() -> None:
    since = NOW - timedelta(seconds=61)
    assert aftercare.trouble_of(reading(pod("a"), pod("b")), since) is None
    found = aftercare.trouble_of(reading(pod("a", restarts=2), pod("b", restarts=1)), since)
    assert found is not None
    assert (found[0].code, found[1]) == ("pod.restarted", 3)
    old = pod("c", restarts=40, created=9000)
    found = aftercare.trouble_of(reading(old), since)
    assert found is not None
    assert found[1] == 1, "what a pod went through before is not this deployment's"
    gone = aftercare.trouble_of(Reading(NOW, None, [], [], []), since)
    assert gone is not None
    assert gone[0].code == "rollout.gone"


def template(image: str, **container: Any) -> dict[str, Any]:
    return {"spec": {"containers": [{"name": "web", "image": image, **container}]}}


def test_a_version_is_found_by_what_it_asked_for() -> None:
    live = template("i:2", terminationMessagePath="/dev/termination-log", resources={"limits": {"cpu": "1"}})
    versions = [
        (5, template("i:3")),
        (4, template("i:2", resources={"limits": {"cpu": "1000m"}})),
        (3, template("i:1")),
    ]
    assert serving.find_version(live, versions) == 4
    assert serving.find_version(template("other"), versions) is None
    assert serving.find_version(live, [(1, template("i:2", command=["x"]))]) is None


def test_a_cluster_that_is_away_is_asked_again_later_what_serves(rows: Rows) -> None:
    failed = rows.deployment(Status.FAILED)
    Event.objects.create(name="deployment.failed", object_type="deployment", object_id=failed.pk)
    with pytest.raises(Unavailable):
        tell(failed)
    failed.refresh_from_db()
    assert failed.serving is None


def test_pages_and_api_say_what_became_of_a_version(rows: Rows) -> None:
    found = {"code": "pod.oom_killed", "params": {"container": "web", "limit": "64Mi"}, "times": 3, "at": at(0)}
    leaking, other = rows.deployment(), rows.deployment()
    assert leaking.stages.get().manifest_set.sha256 == other.stages.get().manifest_set.sha256, (
        "what the same bytes did before counts"
    )
    Deployment.objects.filter(pk=leaking.pk).update(afterwards=found)
    failed = rows.deployment(Status.FAILED, replicas=3)
    Deployment.objects.filter(pk=failed.pk).update(serving=[{"deployment": other.number, "ready": 2, "wanted": 2}])
    client: Client = browser(rows.people.owner)

    said = "Container web used more memory than its limit (64Mi) and was killed."
    shown = client.get(failed.get_absolute_url()).content.decode()
    assert f"What serves now: deployment {other.number}, 2 of 2 pods ready." in shown
    assert f"ran badly afterwards: {said} (3" in shown
    for version in (leaking, other):
        assert said in client.get(version.get_absolute_url() + "rollback/").content.decode()
    detail = client.get(f"/api/v1{leaking.get_absolute_url()}").json()
    assert (detail["afterwards"]["times"], detail["afterwards"]["message"]) == (3, said)
    detail = client.get(f"/api/v1{failed.get_absolute_url()}").json()
    assert detail["serving"]["versions"] == [{"deployment": other.number, "ready": 2, "wanted": 2}]
    assert detail["rules"]["restarts"] == 3


def test_the_matrix_marks_a_version_that_ran_badly(rows: Rows) -> None:
    found = {"code": "pod.oom_killed", "params": {"container": "web", "limit": "64Mi"}, "times": 1, "at": at(0)}
    live = rows.deployment()
    Deployment.objects.filter(pk=live.pk).update(afterwards=found)
    [cell] = selectors.matrix([rows.application], [rows.target.environment])[rows.application.pk]
    assert cells.view(rows.application, cell).cause.startswith("Ran badly afterwards: Container web used more memory")
