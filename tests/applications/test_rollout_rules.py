"""When rollouts are given up: the platform's defaults, an application's own, who may change them."""

from __future__ import annotations

from typing import Any

import pytest

from apps.applications.rollout_rules import DEFAULTS, change_rollout_rules, effective_rules
from apps.audit.models import AuditEntry
from apps.core.errors import InvalidInput
from apps.deployments.rules import abort_rules, patience
from tests import factories
from tests.deployments.rows import Rows, browser, make


@pytest.fixture
def rows(db: None, settings: Any) -> Rows:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return make()


def page(rows: Rows) -> str:
    return f"{rows.application.get_absolute_url()}settings/"


def api(rows: Rows) -> str:
    return f"/api/v1{rows.application.get_absolute_url()}rollout-rules/"


def test_only_what_differs_from_the_platform_is_kept(rows: Rows) -> None:
    actor = factories.actor(rows.people.owner)
    rules = change_rollout_rules(
        application=rows.application, actor=actor, rules={"restarts": 5, "image_seconds": 30, "progress_seconds": None}
    )
    assert rows.application.rollout_rules == {"restarts": 5}
    assert rules == {**DEFAULTS, "restarts": 5}
    entry = AuditEntry.objects.get(action="application.rollout_rules")
    assert entry.details == {"before": {}, "after": {"restarts": 5}}
    change_rollout_rules(application=rows.application, actor=actor, rules={})
    assert effective_rules(rows.application) == DEFAULTS


@pytest.mark.parametrize(
    "rules",
    [{"restarts": 0}, {"restarts": True}, {"image_seconds": -1}, {"at_once": ["luck"]}, {"patience": 3}],
)
def test_a_rule_that_does_not_fit_is_refused_at_its_field(rows: Rows, rules: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as refused:
        change_rollout_rules(application=rows.application, actor=factories.actor(rows.people.owner), rules=rules)
    assert set(refused.value.fields) == set(rules)
    assert rows.application.rollout_rules == {}


def test_a_deployment_keeps_the_rules_that_it_started_with(rows: Rows) -> None:
    actor = factories.actor(rows.people.owner)
    change_rollout_rules(
        application=rows.application, actor=actor, rules={"restarts": 7, "progress_seconds": 60, "at_once": []}
    )
    deployment = rows.deployment()
    change_rollout_rules(application=rows.application, actor=actor, rules={})
    deployment.refresh_from_db()
    assert (abort_rules(deployment).restarts, abort_rules(deployment).at_once) == (7, frozenset())
    workload = {"kind": "Deployment", "spec": {"progressDeadlineSeconds": 600}}
    assert patience(deployment, [workload]).total_seconds() == 60
    assert patience(rows.deployment(replicas=2), [workload]).total_seconds() == 630
    never = {"kind": "Deployment", "spec": {"progressDeadlineSeconds": 2**31 - 1}}
    assert patience(rows.deployment(replicas=3), [never]).total_seconds() == 630


def test_pages_and_api_change_the_same_rules(rows: Rows) -> None:
    client = browser(rows.people.owner)
    answer = client.post(page(rows) + "rollouts/", {"restarts": "4", "at_once": ["image", "policy"]})
    assert (answer.status_code, answer["Location"]) == (302, page(rows))
    assert client.get(api(rows)).json() == {**DEFAULTS, "restarts": 4, "at_once": ["image", "policy"]}
    answer = client.put(api(rows), {"configuration_seconds": 5}, content_type="application/json")
    assert answer.json() == {**DEFAULTS, "configuration_seconds": 5}
    shown = client.get(page(rows)).content.decode()
    assert 'name="configuration_seconds" value="5"' in shown
    assert 'placeholder="3"' in shown
    assert "Platform: 30" in shown
    # All of the platform's again: nothing of its own is left, and that is saved too.
    answer = client.post(page(rows) + "rollouts/", {})
    assert (answer.status_code, answer["Location"]) == (302, page(rows))
    refused = client.post(page(rows) + "rollouts/", {"restarts": "1000"})
    assert refused.status_code == 422
    assert "A number from 1 to 100." in refused.content.decode()


@pytest.mark.parametrize(
    ("role", "changed"), [("owner", True), ("developer", True), ("viewer", False), ("stranger", False)]
)
def test_who_configures_the_application_sets_its_rules(rows: Rows, role: str, changed: bool) -> None:
    client = browser(getattr(rows.people, role))
    answer = client.put(api(rows), {"restarts": 9}, content_type="application/json")
    client.post(page(rows) + "rollouts/", {"restarts": "9"})
    rows.application.refresh_from_db()
    assert rows.application.rollout_rules.get("restarts") == (9 if changed else None)
    assert answer.status_code == (200 if changed else 404 if role == "stranger" else 403)
