from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import transaction
from pytest_django import DjangoDbBlocker

from tests.releases.world import ReleaseWorld, fresh, make
from tests.sandbox_process import Sandbox


@pytest.fixture(scope="module")
def prepared(sandbox: Sandbox, django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[ReleaseWorld]:
    """The world of a module, made once: connections and clusters are really tried, which takes seconds."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield make(sandbox)
        transaction.set_rollback(True)


@pytest.fixture
def world(prepared: ReleaseWorld, db: None) -> ReleaseWorld:
    """An application with an image to release, two targets on two clusters, and a person of each role."""
    return fresh(prepared)


@pytest.fixture
def committed_world(sandbox: Sandbox, transactional_db: None) -> ReleaseWorld:
    """The same, seen by other connections."""
    return make(sandbox)
