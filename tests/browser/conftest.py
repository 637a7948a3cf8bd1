"""One whole running Slipway, one Chromium, and the story's people, for the tests of a session."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.running import Slipway, running

from .person import PATIENCE, PHONE, Person

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
HERE = Path(__file__).parent
expect.set_options(timeout=PATIENCE)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark these tests; their files give them to one worker (`xdist_group`), in their order: they tell one story."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"))


@pytest.fixture(scope="package")
def slipway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slipway]:
    with running(tmp_path_factory.mktemp("slipway")) as started:
        yield started


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Cast:
    """Who is in the story, and how far it was told."""

    slipway: Slipway
    admin: Person
    dana: Person
    amir: Person
    pictures: Path
    told: list[str] = field(default_factory=list)
    broken: str = ""

    @property
    def people(self) -> list[Person]:
        """Everybody."""
        return [self.admin, self.dana, self.amir]

    def assert_no_complaints(self) -> None:
        """Fail on errors of anybody's console, refusals of the content security policy, and bad answers."""
        complaints = [one for person in self.people for one in person.complaints]
        for person in self.people:
            person.complaints.clear()
        assert not complaints


@pytest.fixture(scope="package")
def cast(slipway: Slipway, chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    """The administrator and the developer at their laptops, the approver with a phone."""
    found = Cast(
        slipway,
        admin=Person(chromium, slipway.url),
        dana=Person(chromium, slipway.url),
        amir=Person(chromium, slipway.url, viewport=PHONE),
        pictures=tmp_path_factory.mktemp("pictures"),
    )
    yield found
    for person in found.people:
        person.close()


@pytest.fixture
def chapter(cast: Cast, request: pytest.FixtureRequest) -> Iterator[Cast]:
    """The story so far; a chapter after a broken one is not told, and nobody's browser may have complained."""
    if cast.broken:
        pytest.fail(f"the story broke in {cast.broken}", pytrace=False)
    cast.broken = request.node.name
    yield cast
    cast.assert_no_complaints()
    if not getattr(request.node, "failed_call", False):
        cast.broken = ""
        cast.told.append(request.node.name)


@pytest.fixture
def told(cast: Cast) -> Iterator[Cast]:
    """The console with the whole story in it; nobody's browser may complain."""
    if cast.broken:
        pytest.skip(f"the story broke in {cast.broken}")
    yield cast
    cast.assert_no_complaints()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Let `chapter` see whether its test failed, and keep a picture of what everybody saw then."""
    yield
    if call.when == "call" and call.excinfo is not None:
        item.failed_call = True  # type: ignore[attr-defined]
        cast = getattr(item, "funcargs", {}).get("chapter")
        if cast is not None:
            for name, person in zip(("admin", "dana", "amir"), cast.people, strict=True):
                person.picture(cast.pictures / f"failed-{item.name}-{name}.png")
            item.add_report_section("call", "pictures", str(cast.pictures))
