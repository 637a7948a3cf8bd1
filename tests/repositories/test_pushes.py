"""Pushes: a hook registered in a real GitLab, deliveries taken in once, and the builds that follow."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from apps.applications import services as applications
from apps.builds import pushes
from apps.builds import services as builds
from apps.builds.models import Build
from apps.core.errors import PlatformError
from apps.core.models import Event
from apps.repositories import services
from apps.repositories.models import Push, PushHook
from tests import factories
from tests.builds.world import World, build_world
from tests.sandbox_process import Sandbox

SHA = "b" * 40


def deliver(hook: PushHook, *, uid: str = "", token: str = "", delivery: str = "d-1", **payload: Any) -> Any:
    body = {"ref": f"refs/heads/{hook.application.branch}", "after": SHA, "user_username": "ada", **payload}
    headers = {"X-Gitlab-Token": token or hook.secret, "X-Gitlab-Event-UUID": delivery}
    url = f"/hooks/gitlab/{uid or hook.application.uid}/"
    return Client().post(url, json.dumps(body), "application/json", headers=headers)


@pytest.fixture
def hook(db: None) -> PushHook:
    return PushHook.objects.create(application=factories.application(), secret="s" * 40)


def test_a_push_is_taken_in_once(hook: PushHook) -> None:
    assert deliver(hook).status_code == 202
    assert deliver(hook).status_code == 202
    push = Push.objects.get()
    assert (push.sha, push.pushed_by) == (SHA, "ada")
    assert list(Event.objects.values_list("name", "object_id")) == [("push.received", push.pk)]
    hook.refresh_from_db()
    assert hook.last_delivery_at is not None


@pytest.mark.parametrize(
    "payload", [{"ref": "refs/heads/other"}, {"ref": "refs/tags/main"}, {"after": "0" * 40}, {"after": ""}]
)
def test_what_does_not_concern_us_is_accepted_and_forgotten(hook: PushHook, payload: dict[str, str]) -> None:
    assert deliver(hook, **payload).status_code == 202
    assert not Push.objects.exists()


def test_a_stranger_cannot_push(hook: PushHook) -> None:
    assert deliver(hook, token="wrong").status_code == 404
    assert deliver(hook, uid="0" * 16).status_code == 404
    url = f"/hooks/gitlab/{hook.application.uid}/"
    assert Client().post(url, "{", "application/json", headers={"X-Gitlab-Token": hook.secret}).status_code == 400
    assert Client().post(url, "[]", "application/json", headers={"X-Gitlab-Token": hook.secret}).status_code == 400
    assert Client().get(url).status_code == 405
    assert not Push.objects.exists()
    assert hook.secret not in str(
        PushHook.objects.raw("SELECT id, secret::text AS stored FROM repositories_pushhook")[0].stored
    )


@pytest.fixture
def world(db: None, sandbox: Sandbox) -> World:
    world = build_world(sandbox, build_on_push=True)
    world.write_dockerfile()
    return world


def pushed(world: World, sha: str, delivery: str) -> int:
    """Return the event of a push of a commit that GitLab really has."""
    push = services.receive_push(
        uid=world.application.uid,
        token=PushHook.objects.get(application=world.application).secret,
        delivery_id=delivery,
        payload={"ref": "refs/heads/main", "after": sha, "user_username": "jun"},
    )
    assert push is not None
    return Event.objects.get(name="push.received", object_id=push.pk).pk


def test_the_hook_is_registered_once_and_renewed(world: World) -> None:
    first = services.ensure_push_hook(application=world.application, actor=world.developer)
    again = services.ensure_push_hook(application=world.application, actor=world.developer)
    assert (first.pk, first.hook_id, first.secret) == (again.pk, again.hook_id, again.secret)
    assert first.hook_id


def test_a_newer_push_is_built_instead_of_the_older(world: World) -> None:
    PushHook.objects.create(application=world.application, secret="s" * 40)
    old = world.gitlab.get_tag(world.application.repository_id, "v1.0.0").commit.sha
    new = world.gitlab.get_tag(world.application.repository_id, "v2.0.0").commit.sha
    event = pushed(world, old, "d-1")
    pushes.build_pushed(event)
    pushes.build_pushed(event)
    by_hand = world.request("v2.1.0")
    pushes.build_pushed(pushed(world, new, "d-2"))

    first, _hand, second = Build.objects.filter(application=world.application).order_by("number")
    assert (first.commit_sha, first.trigger, first.created_by_name) == (old, "push", "slipway/push by jun")
    assert (second.commit_sha, second.cancel_requested_at) == (new, None)
    builds.advance_build(first.pk)
    first.refresh_from_db()
    assert (first.status, first.cause_code, first.cause_params["by"]) == ("canceled", "build.superseded", second.number)
    by_hand.refresh_from_db()
    assert by_hand.cancel_requested_at is None


def test_a_push_of_who_does_not_want_it_or_cannot_be_built_starts_nothing(world: World) -> None:
    PushHook.objects.create(application=world.application, secret="s" * 40)
    pushes.build_pushed(pushed(world, SHA, "d-1"))  # GitLab does not have it
    assert not Build.objects.exists()
    world.use("storefront", build_on_push=False)
    pushes.build_pushed(
        pushed(world, world.gitlab.get_branch(world.application.repository_id, "main").commit.sha, "d-2")
    )
    assert not Build.objects.exists()
    pushes.build_pushed(999_999)


def test_while_gitlab_is_away_the_push_waits(world: World) -> None:
    PushHook.objects.create(application=world.application, secret="s" * 40)
    event = pushed(world, world.gitlab.get_branch(world.application.repository_id, "main").commit.sha, "d-1")
    path = f"/projects/{world.application.repository_id}/"
    with world.sandbox.fault(kind="status", status=503, server="gitlab", path=path, times=None):
        with pytest.raises(PlatformError) as caught:
            pushes.build_pushed(event)
        assert caught.value.retryable
    pushes.build_pushed(event)
    build = Build.objects.get()
    assert (build.trigger, build.ref_kind, build.ref) == ("push", "branch", "main")


def test_an_older_push_that_comes_late_does_not_stop_the_newer(world: World) -> None:
    PushHook.objects.create(application=world.application, secret="s" * 40)
    old = world.gitlab.get_tag(world.application.repository_id, "v1.0.0").commit.sha
    new = world.gitlab.get_tag(world.application.repository_id, "v2.0.0").commit.sha
    late, newer = pushed(world, old, "d-1"), pushed(world, new, "d-2")
    pushes.build_pushed(newer)
    pushes.build_pushed(late)
    assert (Build.objects.get().commit_sha, Build.objects.get().cancel_requested_at) == (new, None)


def test_an_application_that_wants_it_is_registered_by_itself(sandbox: Sandbox, transactional_db: None) -> None:
    world = build_world(sandbox)
    for wanted in (False, True):
        applications.update_application(
            application=world.application, actor=world.developer, description=str(wanted), build_on_push=wanted
        )
        services.register_for_pushes(Event.objects.filter(name="application.updated").latest("id").pk)
        assert PushHook.objects.filter(hook_id__isnull=False).exists() is wanted
