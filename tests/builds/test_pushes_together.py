"""Several pushes of a branch at once, in real threads: the newest is built, whoever is quicker."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable

import pytest
from django.db import connection
from django.utils import timezone

from apps.applications.models import Application
from apps.builds import pushes
from apps.builds.models import Build
from apps.core.models import Event
from apps.dockerfiles import policy
from apps.dockerfiles.models import DockerfileRevision
from apps.repositories import selectors as repositories
from apps.repositories import services
from apps.repositories.models import PushHook
from apps.repositories.selectors import ResolvedRef
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)
OLD, NEW, LAST = "a" * 40, "b" * 40, "c" * 40


class GitLab:
    """What GitLab answers, and a gate before each answer is acted upon."""

    def __init__(self, head: str) -> None:
        self.head = head
        self.after: Callable[[str], None] = lambda _sha: None

    def resolve_ref(self, application: Application, ref: str) -> ResolvedRef:
        kind, sha = ("branch", self.head) if ref == application.branch else ("commit", ref)
        answer = ResolvedRef(ref, kind, sha, "A change", "Ada", timezone.now(), "")
        self.after(sha)
        return answer


@pytest.fixture
def application(monkeypatch: pytest.MonkeyPatch) -> Application:
    application = factories.application(build_on_push=True)
    DockerfileRevision.objects.create(application=application, number=1, content="FROM x\n", created_by_name="ada")
    PushHook.objects.create(application=application, secret="s" * 40)
    monkeypatch.setattr(policy, "refusals", lambda *_: [])
    return application


@pytest.fixture
def gitlab(monkeypatch: pytest.MonkeyPatch) -> GitLab:
    gitlab = GitLab(NEW)
    monkeypatch.setattr(repositories, "resolve_ref", gitlab.resolve_ref)
    return gitlab


def received(application: Application, sha: str) -> int:
    push = services.receive_push(
        uid=application.uid, token="s" * 40, delivery_id=sha[:4], payload={"ref": "refs/heads/main", "after": sha}
    )
    assert push is not None
    return Event.objects.get(name="push.received", object_id=push.pk).pk


def in_thread(event: int) -> threading.Thread:
    def run() -> None:
        try:
            pushes.build_pushed(event)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def wanted() -> list[str]:
    return list(Build.objects.filter(cancel_requested_at=None).values_list("commit_sha", flat=True))


def test_both_decided_at_the_same_moment(application: Application, gitlab: GitLab) -> None:
    events = [received(application, OLD), received(application, NEW)]
    barrier = threading.Barrier(2)
    gitlab.after = lambda _sha: barrier.wait(20) and None
    for thread in [in_thread(event) for event in events]:
        thread.join(30)
    assert wanted() == [NEW]
    assert Build.objects.count() == 1


def test_the_older_stands_still_while_the_newer_is_built(application: Application, gitlab: GitLab) -> None:
    """It asked GitLab before the newer push was there, and wins the lock after the newer build was made."""
    gitlab.head = OLD
    older = received(application, OLD)
    asked, go_on = threading.Event(), threading.Event()

    def stand_still(sha: str) -> None:
        if sha == OLD:
            asked.set()
            assert go_on.wait(20)

    gitlab.after = stand_still
    thread = in_thread(older)
    assert asked.wait(20)
    gitlab.head = NEW
    pushes.build_pushed(received(application, NEW))
    go_on.set()
    thread.join(30)
    assert wanted() == [NEW]
    assert Build.objects.count() == 1


def test_the_older_was_quicker_and_says_what_is_built_instead(application: Application, gitlab: GitLab) -> None:
    for gitlab.head in (OLD, NEW, LAST):
        pushes.build_pushed(received(application, gitlab.head))
    assert wanted() == [LAST]
    first, second, last = Build.objects.order_by("number")
    for build, by in ((first, second), (second, last)):
        assert (build.cause_code, build.cause_params) == ("build.superseded", {"branch": "main", "by": by.number})


@pytest.mark.parametrize("worked_on", list(itertools.permutations([OLD, NEW, LAST])))
@pytest.mark.parametrize("told_of", list(itertools.permutations([OLD, NEW, LAST])))
def test_in_whatever_order_they_are_told_of_and_worked_on_the_head_is_built(
    application: Application, gitlab: GitLab, told_of: tuple[str, ...], worked_on: tuple[str, ...]
) -> None:
    gitlab.head = LAST
    events = {sha: received(application, sha) for sha in told_of}
    for sha in worked_on:
        pushes.build_pushed(events[sha])
    assert wanted() == [LAST]
    assert Build.objects.count() == 1


@pytest.mark.parametrize("told_of", list(itertools.permutations([OLD, NEW, LAST])))
def test_each_told_of_and_worked_on_by_itself(
    application: Application, gitlab: GitLab, told_of: tuple[str, ...]
) -> None:
    gitlab.head = LAST
    for sha in told_of:
        pushes.build_pushed(received(application, sha))
    assert wanted() == [LAST]


def test_one_push_is_one_build_even_after_it_failed(application: Application, gitlab: GitLab) -> None:
    event = received(application, NEW)
    pushes.build_pushed(event)
    Build.objects.update(status="failed")
    pushes.build_pushed(event)  # as after a kill before the reaction was marked as done
    assert Build.objects.count() == 1


def test_a_branch_that_goes_back_is_built_again_where_its_build_was_stopped(
    application: Application, gitlab: GitLab
) -> None:
    for number, gitlab.head in enumerate((OLD, NEW, OLD)):
        push = services.receive_push(
            uid=application.uid, token="s" * 40, delivery_id=str(number),
            payload={"ref": "refs/heads/main", "after": gitlab.head},
        )  # fmt: skip
        assert push is not None
        pushes.build_pushed(Event.objects.get(name="push.received", object_id=push.pk).pk)
    assert wanted() == [OLD]
    assert Build.objects.count() == 3


def test_two_gitlabs_may_name_their_deliveries_alike(application: Application) -> None:
    other = factories.application(build_on_push=True)
    PushHook.objects.create(application=other, secret="s" * 40)
    assert received(application, OLD) != received(other, OLD)
