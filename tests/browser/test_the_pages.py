"""Every page after the story was told: nothing to stumble over in either theme, and a picture of each to look at."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from .conftest import Cast
from .person import LAPTOP, PHONE

pytestmark = [pytest.mark.timeout(180), pytest.mark.xdist_group("browser")]

APP = "/projects/demo/apps/storefront"
PAGES = {
    "home": "/",
    "applications": "/apps/",
    "projects": "/projects/",
    "project": "/projects/demo/",
    "project-new": "/projects/-/new/",
    "project-releases": "/projects/demo/releases/",
    "project-members": "/projects/demo/members/",
    "project-settings": "/projects/demo/settings/",
    "environments": "/projects/demo/environments/",
    "environment": "/projects/demo/environments/production/",
    "environment-new": "/projects/demo/environments/-/new/",
    "application-new": "/projects/demo/apps/-/new/",
    "application": f"{APP}/",
    "application-settings": f"{APP}/settings/",
    "builds": f"{APP}/builds/",
    "build": f"{APP}/builds/1/",
    "build-new": f"{APP}/builds/new/",
    "images": f"{APP}/images/",
    "dockerfile": f"{APP}/dockerfile/",
    "dockerfile-compose": f"{APP}/dockerfile/compose/",
    "dockerfile-revision": f"{APP}/dockerfile/revisions/1/",
    "deployyml": f"{APP}/deployyml/",
    "deployyml-production": f"{APP}/deployyml/?layer=environment:production",
    "deployyml-revision": f"{APP}/deployyml/revisions/3/",
    "secrets": f"{APP}/deployyml/secrets/",
    "releases": f"{APP}/releases/",
    "release-new": f"{APP}/releases/new/",
    "release": f"{APP}/releases/1/",
    "release-failed": f"{APP}/releases/3/",
    "tests": f"{APP}/tests/",
    "deployments": f"{APP}/deployments/",
    "deployment": f"{APP}/deployments/1/",
    "deployment-failed": f"{APP}/deployments/5/",
    "manifests": f"{APP}/deployments/3/manifests/",
    "rollback": f"{APP}/deployments/1/rollback/",
    "pods": f"{APP}/pods/",
    "all-releases": "/releases/",
    "approvals": "/approvals/",
    "clusters": "/clusters/",
    "cluster": "/clusters/north/",
    "cluster-add": "/clusters/-/new/",
    "connections": "/connections/",
    "connection": "/connections/harbor/",
    "people": "/people/",
    "person-new": "/people/-/new/",
    "base-images": "/base-images/",
    "audit": "/audit/",
    "account": "/account/",
    "search": "/search?q=store",
}
ON_A_PHONE = ("home", "approvals", "release", "release-failed", "deployment-failed")


def arrive(page: Page, address: str) -> None:
    """Open a page and wait until its parts have asked for what they show."""
    with page.expect_event("load"):
        page.goto(address, wait_until="commit")
    expect(page.get_by_text("Asking the cluster…")).to_have_count(0)


@pytest.mark.parametrize("name", PAGES)
def test_page_has_nothing_to_stumble_over(told: Cast, name: str) -> None:
    admin = told.admin
    admin.page.set_viewport_size(LAPTOP)
    arrive(admin.page, PAGES[name])
    stumbles = admin.stumbles()
    admin.picture(told.pictures / "light" / f"{name}.png")
    admin.picture(told.pictures / "dark" / f"{name}.png", dark=True)
    if name in ON_A_PHONE:
        admin.page.set_viewport_size(PHONE)
        stumbles += admin.stumbles()
        admin.picture(told.pictures / "phone" / f"{name}.png")
    assert not stumbles


def test_pod_page_shows_its_log(told: Cast) -> None:
    admin = told.admin
    admin.page.set_viewport_size(LAPTOP)
    arrive(admin.page, PAGES["pods"])
    admin.page.get_by_role("link", name=re.compile("^storefront-")).first.click()
    expect(admin.page.get_by_role("log")).not_to_be_empty()
    assert not admin.stumbles()
    admin.picture(told.pictures / "light" / "pod.png")


def test_unknown_address_is_explained(told: Cast) -> None:
    admin = told.admin
    admin.expected.add(404)
    admin.page.goto("/projects/nowhere/")
    expect(admin.page.get_by_role("alert")).to_be_visible()
    expect(admin.page.get_by_role("link", name="Home")).to_be_visible()
    assert not admin.stumbles()
    admin.picture(told.pictures / "light" / "not-found.png")
    admin.expected.discard(404)


def test_project_of_others_is_not_there_for_strangers(told: Cast) -> None:
    amir = told.amir
    amir.expected.add(403)
    amir.page.goto("/connections/")
    expect(amir.page.get_by_role("alert")).to_be_visible()
    amir.expected.discard(403)
