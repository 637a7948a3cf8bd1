"""Two at once: one effect, one winner."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from apps.core.errors import Conflict, SlipwayError
from apps.deployments import selectors, services
from apps.deployments.models import ACTIVE, Deployment, Status
from apps.integrations.kubernetes.client import KubernetesClient
from tests.deployments.world import Place, finish, greeting, step, until


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Run calls at the same moment, each on a connection of its own, and return what each gave or raised."""
    barrier = threading.Barrier(len(calls))
    results: list[Any] = [None] * len(calls)

    def run(index: int, call: Callable[[], Any]) -> None:
        try:
            barrier.wait()
            results[index] = call()
        except SlipwayError as exc:
            results[index] = exc
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_of_two_releases_at_once_one_is_made(place: Place) -> None:
    stored = place.manifest_set(greeting("one"))

    def release() -> Deployment:
        return services.request_deployment(
            application=place.application, target=place.target, manifest_set=stored, actor=place.world.actor
        )

    results = at_once(release, release, release)
    assert sorted(type(result).__name__ for result in results) == ["Conflict", "Conflict", "Deployment"]
    assert Deployment.objects.filter(status__in=ACTIVE).count() == 1
    assert all(result.code == "deployment.in_progress" for result in results if isinstance(result, Conflict))


def test_of_two_rollbacks_at_once_the_last_goes_on(place: Place) -> None:
    good = place.run(greeting("good"))
    place.run(greeting("newer"))

    def back() -> Deployment:
        return services.request_rollback(deployment=Deployment.objects.get(pk=good.pk), actor=place.world.actor)

    first, second = sorted(at_once(back, back), key=lambda made: made.number)
    first.refresh_from_db()
    assert (first.status, second.supersedes_id) == (Status.SUPERSEDED, first.pk)
    assert finish(second).status == Status.SUCCEEDED
    assert place.greetings() == {"good"}


def test_steps_of_one_deployment_take_turns(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    deployment = place.request(greeting("one"))
    whole, inside, most = KubernetesClient.apply, [], []

    def counted(self: KubernetesClient, *arguments: Any, **options: Any) -> Any:
        inside.append(1)
        most.append(len(inside))
        try:
            return whole(self, *arguments, **options)
        finally:
            inside.pop()

    monkeypatch.setattr(KubernetesClient, "apply", counted)
    at_once(*[lambda: services.advance_deployment(deployment.pk)] * 4)
    assert max(most) == 1
    deployment.refresh_from_db()
    assert len(most) == deployment.total_objects


def test_a_rollback_in_the_middle_of_a_step_wins(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The step's call is under way while the rollback is asked for and runs: its late effect is undone, its words are not written."""
    good = place.run(greeting("good"))
    losing = place.request(greeting("bad"))
    whole = KubernetesClient.apply
    rollbacks: list[Deployment] = []

    def overtaken(self: KubernetesClient, manifest: Any, **options: Any) -> Any:
        if manifest["kind"] == "Deployment" and not rollbacks:
            rollbacks.append(services.request_rollback(deployment=good, actor=place.world.actor))
            until(rollbacks[0], Status.PROGRESSING)
        return whole(self, manifest, **options)

    monkeypatch.setattr(KubernetesClient, "apply", overtaken)
    step(losing)
    assert losing.status == Status.SUPERSEDED
    assert losing.entries.order_by("-id")[0].code == "deployment.superseded"

    rollback = finish(rollbacks[0])
    assert rollback.status == Status.SUCCEEDED
    assert rollback.entries.filter(code="deployment.sent_again").exists()
    assert place.greetings() == {"good"}
    assert selectors.live_deployment(place.application, place.target) == rollback
