"""Will it fit: the arithmetic of rollouts, quotas, limits and nodes; held to a simulated rollout and to the recordings."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from apps.deployments.budget.findings import Finding
from apps.deployments.budget.judging import Change, judge
from apps.deployments.budget.nodes import room_of
from apps.deployments.budget.pods import pod_amounts
from apps.deployments.budget.rollouts import rollout_of, steps_of
from tests.integrations.kubernetes.recordings import body, exchanges

LIMITS = {"cpu": "200m", "memory": "128Mi"}


def deployment(replicas: int = 2, cpu: str = "100m", image: str = "v1", **spec: Any) -> dict[str, Any]:
    resources = {"requests": {"cpu": cpu, "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "128Mi"}}
    container = {"name": "app", "image": image, "resources": spec.pop("resources", resources)}
    rolling = {"maxSurge": spec.pop("surge", 1), "maxUnavailable": spec.pop("unavailable", 0)}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": rolling},
            "template": {"spec": {"containers": [container]}},
            **spec,
        },
    }


def quota(hard: dict[str, str], used: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "team-a"},
        "spec": {"hard": hard, **spec},
        "status": {"hard": hard, "used": used or {}},
    }


def limit_range(**item: Any) -> dict[str, Any]:
    return {"metadata": {"name": "limits"}, "spec": {"limits": [{"type": "Container", **item}]}}


def codes(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(finding.code, finding.level) for finding in findings]


def ask(
    wanted: dict[str, Any],
    live: dict[str, Any] | None = None,
    *quotas: dict[str, Any],
    ranges: Any = (),
    room: Any = None,
) -> list[Finding]:
    return judge([Change("web", [wanted], [live] if live else [])], quotas, ranges, room)


def test_what_does_not_fit_is_said_with_numbers() -> None:
    [found] = ask(deployment(4, "200m"), None, quota({"requests.cpu": "1"}, {"requests.cpu": "800m"}))
    assert (found.code, found.level) == ("budget.exceeded", "stop")
    assert found.params == {
        "quota": "team-a", "resource": "requests.cpu", "left": "200m", "hard": "1", "needed": "800m",
    }  # fmt: skip


def test_the_surge_counts_and_whether_old_pods_may_go_first_decides() -> None:
    live, new = deployment(image="v1"), deployment(image="v2")
    full = quota({"pods": "2"}, {"pods": "2"})
    assert codes(ask(new, live, full)) == [("budget.stuck", "stop")]
    assert codes(ask(deployment(image="v2", unavailable=1), live, full))[0] == ("budget.tight", "warn")
    assert codes(ask(deployment(image="v2", strategy={"type": "Recreate"}), live, full)) == [("budget.fits", "ok")]
    assert codes(ask(live, live, full)) == [("budget.fits", "ok")], "nothing is replaced where nothing changes"
    assert codes(ask(new, live, quota({"pods": "3"}, {"pods": "2"}))) == [("budget.fits", "ok")]


def test_a_release_that_asks_for_less_fits_a_full_quota_with_room_for_one_pod() -> None:
    live, new = deployment(3, "300m"), deployment(3, "100m", image="v2")
    assert codes(ask(new, live, quota({"requests.cpu": "1"}, {"requests.cpu": "900m"}))) == [("budget.fits", "ok")]


def test_objects_are_counted_where_a_quota_counts_them() -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {}}
    for name in ("services", "count/services"):
        full = quota({name: "1"}, {name: "1"})
        assert codes(judge([Change("web", [service])], [full], [])) == [("budget.exceeded", "stop")]
        assert codes(judge([Change("web", [service], [service])], [full], [])) == [("budget.fits", "ok")]
    full = quota({"count/deployments.apps": "2"}, {"count/deployments.apps": "2"})
    assert codes(ask(deployment(), None, full)) == [("budget.exceeded", "stop")]


def test_applications_that_go_together_are_judged_together() -> None:
    one, other = deployment(2, "100m"), deployment(2, "100m")
    room = quota({"requests.cpu": "300m"})
    assert codes(judge([Change("a", [one])], [room], [])) == [("budget.fits", "ok")]
    both = judge([Change("a", [one]), Change("b", [other])], [room], [])
    assert codes(both) == [("budget.exceeded", "stop")]
    assert both[0].params["needed"] == "400m"


def test_an_autoscaler_decides_the_number() -> None:
    live, wanted = deployment(5), deployment(image="v2")
    del wanted["spec"]["replicas"]
    scaler = {
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"},
        "spec": {"minReplicas": 2, "maxReplicas": 9},
    }  # fmt: skip
    found = judge([Change("web", [wanted, scaler], [live])], [quota({"pods": "5"}, {"pods": "5"})], [])
    assert codes(found) == [("budget.stuck", "stop")]
    assert found[0].params["needed"] == "1"


@pytest.mark.parametrize(
    ("scopes", "counts"),
    [(["NotTerminating"], True), (["Terminating"], False), (["BestEffort"], False), (["NotTerminating", "PriorityClass"], False)],
)  # fmt: skip
def test_quotas_of_other_pods_do_not_count(scopes: list[str], counts: bool) -> None:
    found = ask(deployment(), None, quota({"pods": "0"}, scopes=scopes))
    assert (("budget.exceeded", "stop") in codes(found)) is counts


def test_limit_ranges_fill_in_and_refuse() -> None:
    bare, wants = deployment(resources={}), quota({"limits.cpu": "2", "requests.memory": "1Gi"})
    assert {finding.code for finding in ask(bare, None, wants)} == {"budget.unsaid"}
    defaults = limit_range(default=LIMITS, defaultRequest={"cpu": "50m", "memory": "32Mi"})
    assert codes(ask(bare, None, wants, ranges=[defaults])) == [("budget.fits", "ok")]
    assert pod_amounts(bare["spec"]["template"]["spec"], [defaults])["requests.cpu"] == Decimal("0.05")
    greedy = deployment(cpu="500m", resources={"requests": {"cpu": "500m"}})
    assert ("budget.request_over_limit", "stop") in codes(ask(greedy, ranges=[defaults]))
    assert codes(ask(deployment(), ranges=[limit_range(max={"cpu": "500m"})])) == [("budget.over_max", "stop")]
    assert codes(ask(deployment(), ranges=[limit_range(min={"memory": "1Gi"})])) == [("budget.under_min", "stop")]
    assert codes(ask(deployment(), ranges=[limit_range(maxLimitRequestRatio={"cpu": "4"})])) == [
        ("budget.over_ratio", "stop")
    ]


def test_nodes_that_are_full_are_a_word_of_caution_and_a_pod_too_big_is_not() -> None:
    node = {
        "spec": {},
        "status": {"allocatable": {"cpu": "1", "memory": "1Gi", "pods": "10"}, "conditions": [{"type": "Ready", "status": "True"}]},
    }  # fmt: skip
    cordoned = {**node, "spec": {"unschedulable": True}}
    running = {"spec": deployment(1, "800m")["spec"]["template"]["spec"], "status": {"phase": "Running"}}
    ended = {**running, "status": {"phase": "Succeeded"}}
    room = room_of([node, cordoned], [running, ended])
    assert room.free["cpu"] == Decimal("0.2")
    assert codes(ask(deployment(3), room=room)) == [("budget.nodes_full", "warn")]
    assert ("budget.no_node_fits", "stop") in codes(ask(deployment(1, "2"), room=room))
    assert codes(ask(deployment(1), room=room)) == []


def test_the_recorded_refusals_would_have_been_foreseen() -> None:
    recorded = exchanges("11-quota-and-limits")
    request = recorded[12]["request"]
    wanted = request.get("body") or yaml.safe_load(request["bodyText"])
    before, ranges = body("11-quota-and-limits", 8), [body("11-quota-and-limits", 2)]
    found = judge([Change("web", [wanted])], [before], ranges)
    assert {finding.params["resource"] for finding in found if finding.code == "budget.exceeded"} >= {"pods"}
    used = body("11-quota-and-limits", 15)["status"]["used"]
    amounts = pod_amounts(wanted["spec"]["template"]["spec"], ranges)
    assert amounts["requests.cpu"] * 3 == Decimal("0.15"), used
    assert amounts["limits.memory"] * 3 == 192 * 2**20, used


@given(
    before=st.integers(0, 6),
    after=st.integers(0, 6),
    surge=st.sampled_from([0, 1, 3, "25%", "100%"]),
    unavailable=st.sampled_from([0, 1, 2, "50%"]),
    old=st.integers(1, 9),
    new=st.integers(1, 9),
    data=st.data(),
)
def test_no_moment_of_a_rollout_takes_more_than_was_said(
    before: int, after: int, surge: int | str, unavailable: int | str, old: int, new: int, data: Any
) -> None:
    live = deployment(before, f"{old}00m", "v1")
    wanted = deployment(after, f"{new}00m", "v2", surge=surge, unavailable=unavailable)
    said = rollout_of(wanted, live, None, [])
    extra, missing = steps_of({"maxSurge": surge, "maxUnavailable": unavailable}, after)
    olds, news, ready, worst = before, 0, 0, before * old
    for _ in range(50):
        # As the controller does: up to the surge, down to what must be available, in whatever order pods get ready.
        news += min(after - news, max(0, after + extra - olds - news))
        worst = max(worst, olds * old + news * new)
        olds -= min(olds, max(0, olds + ready - (after - missing)))
        ready = data.draw(st.integers(ready + 1, news)) if ready < news else news
        if news == after and not olds:
            break
    assert (olds, news) == (0, after)
    assert Decimal(worst - before * old) / 10 <= max(said.peak["requests.cpu"], Decimal(0))
    assert said.final["requests.cpu"] == Decimal(after * new - before * old) / 10
