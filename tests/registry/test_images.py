"""Images: known once by digest, held as long as somebody needs them."""

from __future__ import annotations

import pytest
from django.test import Client
from rest_framework.test import APIClient

from apps.applications.models import Application
from apps.registry import selectors, services
from tests import factories

BACKEND = "django.contrib.auth.backends.ModelBackend"
DIGEST = "sha256:" + "c" * 64


@pytest.fixture
def people(db: None) -> factories.Personas:
    return factories.personas()


@pytest.fixture
def application(people: factories.Personas) -> Application:
    return factories.application(people.project)


def record(application: Application, *tags: str, digest: str = DIGEST) -> None:
    services.record_artifact(application=application, digest=digest, tags=tags, size=1024, build_number=1)


def test_the_same_digest_is_one_image_with_more_tags(application: Application) -> None:
    record(application, "a")
    record(application, "b")
    record(application, "a")
    (image,) = selectors.list_artifacts(application)
    assert (image.tags, image.repository) == (["a", "b"], application.image_repository)


def test_a_hold_ends_when_its_holder_lets_go(application: Application) -> None:
    record(application, "a")
    services.hold(application=application, digest=DIGEST, holder="deployment:1", reason="Live on north")
    services.hold(application=application, digest=DIGEST, holder="deployment:1", reason="Live on north")
    ((_image, holds),) = selectors.with_holds(application, list(selectors.list_artifacts(application)))
    assert [hold.reason for hold in holds] == ["Live on north"]
    services.release(application=application, holder="deployment:1")
    ((_image, holds),) = selectors.with_holds(application, list(selectors.list_artifacts(application)))
    assert holds == []
    services.hold(application=application, digest=DIGEST, holder="deployment:1", reason="Live on north")
    ((_image, holds),) = selectors.with_holds(application, list(selectors.list_artifacts(application)))
    assert len(holds) == 1


def test_members_see_images(people: factories.Personas, application: Application) -> None:
    record(application, "v1")
    services.hold(application=application, digest=DIGEST, holder="deployment:1", reason="Live on north")
    url = f"{application.get_absolute_url()}images/"
    for name, person in people.items():
        page, program = Client(), APIClient()
        page.force_login(person, backend=BACKEND)
        program.force_login(person, backend=BACKEND)
        seen = 404 if name == "stranger" else 200
        assert page.get(url).status_code == seen
        answer = program.get(f"/api/v1{url}")
        assert answer.status_code == seen
        if seen == 200:
            assert "Live on north" in page.get(url).content.decode()
            assert answer.json()["results"][0]["digest"] == DIGEST
