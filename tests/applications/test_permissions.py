"""Who may what, for every door of this app: the table of roles is the law, and no door is left out."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver
from rest_framework.test import APIClient

from apps.accounts.roles import Action, Role, allows
from apps.applications import api_urls, urls
from tests import factories

pytestmark = pytest.mark.django_db

P, E, A = (
    "projects/{project}/",
    "projects/{project}/environments/{environment}/",
    "projects/{project}/apps/{application}/",
)
T = f"{E}targets/{{target}}/"
# What is sent is never complete: an allowed door answers 400, 422 or does something harmless.
PAGES: list[tuple[str, str, str, Action]] = [
    ("project-settings", "get", f"{P}settings/", Action.VIEW),
    ("project-settings", "post", f"{P}settings/", Action.MANAGE_PROJECT),
    ("project-archive", "post", f"{P}archive/", Action.MANAGE_PROJECT),
    ("project-members", "get", f"{P}members/", Action.VIEW),
    ("project-members", "post", f"{P}members/", Action.MANAGE_MEMBERS),
    ("project-member-remove", "post", f"{P}members/nobody/remove/", Action.MANAGE_MEMBERS),
    ("environments", "get", f"{P}environments/", Action.VIEW),
    ("environment-create", "get", f"{P}environments/-/new/", Action.MANAGE_ENVIRONMENTS),
    ("environment-detail", "get", E, Action.VIEW),
    ("environment-detail", "post", E, Action.MANAGE_ENVIRONMENTS),
    ("environment-delete", "post", f"{E}delete/", Action.MANAGE_ENVIRONMENTS),
    ("target-add", "post", f"{E}targets/", Action.MANAGE_ENVIRONMENTS),
    ("target-prepare", "post", f"{T}prepare/", Action.MANAGE_ENVIRONMENTS),
    ("application-create", "get", f"{P}apps/-/new/", Action.CONFIGURE_APPLICATION),
    ("application-settings", "get", f"{A}settings/", Action.VIEW),
    ("application-settings", "post", f"{A}settings/", Action.CONFIGURE_APPLICATION),
    ("application-rollout-rules", "post", f"{A}settings/rollouts/", Action.CONFIGURE_APPLICATION),
    ("application-archive", "post", f"{A}archive/", Action.MANAGE_PROJECT),
    ("target-remove", "post", f"{T}remove/", Action.MANAGE_ENVIRONMENTS),
    ("target-namespace", "get", f"{T}namespace/", Action.VIEW),
    ("target-policy-save", "post", f"{T}namespace/ResourceQuota/slipway-quota/save/", Action.MANAGE_ENVIRONMENTS),
    ("target-policy-take-over", "post", f"{T}namespace/ResourceQuota/team/take-over/", Action.MANAGE_ENVIRONMENTS),
    ("target-policy-remove", "post", f"{T}namespace/LimitRange/slipway-defaults/remove/", Action.MANAGE_ENVIRONMENTS),
]
API: list[tuple[str, str, str, Action]] = [
    ("api-project", "get", P, Action.VIEW),
    ("api-members", "get", f"{P}members/", Action.VIEW),
    ("api-members", "post", f"{P}members/", Action.MANAGE_MEMBERS),
    ("api-member", "delete", f"{P}members/nobody/", Action.MANAGE_MEMBERS),
    ("api-environments", "get", f"{P}environments/", Action.VIEW),
    ("api-environments", "post", f"{P}environments/", Action.MANAGE_ENVIRONMENTS),
    ("api-environment", "get", E, Action.VIEW),
    ("api-environment", "patch", E, Action.MANAGE_ENVIRONMENTS),
    ("api-environment", "delete", E, Action.MANAGE_ENVIRONMENTS),
    ("api-targets", "post", f"{E}targets/", Action.MANAGE_ENVIRONMENTS),
    ("api-target-prepare", "post", f"{T}prepare/", Action.MANAGE_ENVIRONMENTS),
    ("api-applications", "get", f"{P}apps/", Action.VIEW),
    ("api-applications", "post", f"{P}apps/", Action.CONFIGURE_APPLICATION),
    ("api-application", "get", A, Action.VIEW),
    ("api-application-rollout-rules", "get", f"{A}rollout-rules/", Action.VIEW),
    ("api-application-rollout-rules", "put", f"{A}rollout-rules/", Action.CONFIGURE_APPLICATION),
    ("api-application", "patch", A, Action.CONFIGURE_APPLICATION),
    ("api-application", "delete", A, Action.MANAGE_PROJECT),
    ("api-target", "delete", T, Action.MANAGE_ENVIRONMENTS),
    ("api-target-namespace", "get", f"{T}namespace/", Action.VIEW),
    ("api-target-quota", "put", f"{T}namespace/quotas/slipway-quota/", Action.MANAGE_ENVIRONMENTS),
    ("api-target-limits", "put", f"{T}namespace/limits/slipway-defaults/", Action.MANAGE_ENVIRONMENTS),
]
OF_NOBODY = {"projects", "project-create", "api-projects"}  # every person's


@pytest.fixture
def people() -> factories.Personas:
    return factories.personas()


def addresses(people: factories.Personas) -> dict[str, str]:
    environment = factories.environment(people.project)
    return {
        "project": people.project.slug,
        "environment": environment.slug,
        "target": factories.target(environment).slug,
        "application": factories.application(people.project).slug,
    }


def check(people: factories.Personas, client: Any, prefix: str, method: str, path: str, need: Action) -> None:
    for name, person in people.items():
        names = addresses(people)
        client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        options = {"format": "json"} if isinstance(client, APIClient) else {}
        answer = getattr(client, method)(prefix + path.format(**names), {}, **options)
        if name == "stranger":
            assert answer.status_code == 404, name
        elif name == "platform_admin" or allows(Role(name), need):
            assert answer.status_code not in (401, 403, 404, 405, 500), (name, answer.status_code)
        else:
            assert answer.status_code == 403, (name, answer.status_code)


@pytest.mark.parametrize(("_name", "method", "path", "need"), PAGES)
def test_pages(people: factories.Personas, _name: str, method: str, path: str, need: Action) -> None:
    check(people, Client(), "/", method, path, need)


@pytest.mark.parametrize(("_name", "method", "path", "need"), API)
def test_api(people: factories.Personas, _name: str, method: str, path: str, need: Action) -> None:
    check(people, APIClient(), "/api/v1/", method, path, need)


def test_no_door_is_left_out() -> None:
    doors = {pattern.name for pattern in [*urls.urlpatterns, *api_urls.urlpatterns]}
    assert doors - OF_NOBODY == {name for name, *_ in [*PAGES, *API]}
    assert get_resolver().reverse_dict.getlist("project-members")


@pytest.mark.parametrize(
    "path", ["/projects/", "/projects/-/new/", "/account/", "/clusters/", "/connections/", "/audit/", "/people/"]
)
def test_nothing_is_shown_to_who_is_not_signed_in(path: str) -> None:
    answer = Client().get(path)
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/login/?next={path}")
