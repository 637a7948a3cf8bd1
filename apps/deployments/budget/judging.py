"""Whether changes fit into a namespace: against its quotas, its limits and, roughly, the nodes. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from apps.integrations.kubernetes.kinds import kind_of

from .amounts import read_amounts, total, words
from .findings import OK, STOP, WARN, Finding
from .nodes import Room, on_nodes
from .pods import named_amounts, out_of_range
from .rollouts import Rollout, rollout_of

Object = Mapping[str, Any]

# A quota may name the same thing in several ways.
_ALIASES = {
    "cpu": "requests.cpu",
    "memory": "requests.memory",
    "count/pods": "pods",
    "count/services": "services",
    "count/configmaps": "configmaps",
    "count/secrets": "secrets",
}
# Scopes of a quota that pods of a Deployment fall under or not; others cannot be judged from a manifest.
_SCOPES = {"NotTerminating": True, "Terminating": False}


@dataclass(frozen=True, slots=True)
class Change:
    """One application on the namespace: the objects it will have, and those of them that are there now."""

    name: str
    wanted: Sequence[Object]
    live: Sequence[Object] = ()


def judge(
    changes: Sequence[Change], quotas: Sequence[Object], limit_ranges: Sequence[Object], room: Room | None = None
) -> list[Finding]:
    """Return what speaks against bringing `changes` into one namespace together, or that it fits and how closely."""
    findings: list[Finding] = []
    rollouts: list[Rollout] = []
    created: Counter[str] = Counter()
    for change in changes:
        there = {(item["kind"], item["metadata"]["name"]): item for item in change.live}
        for item in change.wanted:
            live = there.get((item["kind"], item["metadata"]["name"]))
            created[count_key(item)] += live is None
            if item["kind"] == "Deployment":
                spec = item["spec"]["template"]["spec"]
                findings += out_of_range(change.name, spec, limit_ranges)
                findings += _unsaid(change.name, spec, quotas, limit_ranges)
                rollouts.append(rollout_of(item, live, _autoscaler(change.wanted), limit_ranges))
    for quota in quotas:
        findings += _against(quota, rollouts, created)
    if room is not None:
        findings += on_nodes(room, rollouts)
    if not any(finding.level == STOP for finding in findings) and quotas:
        findings.append(_fits(quotas, rollouts))
    return findings


def _autoscaler(wanted: Sequence[Object]) -> Object | None:
    return next((item for item in wanted if item["kind"] == "HorizontalPodAutoscaler"), None)


def _applies(quota: Object) -> bool:
    """Return whether a quota counts the pods of a Deployment, as far as its scopes tell."""
    spec = quota.get("spec") or {}
    scopes = list(spec.get("scopes") or [])
    scopes += [each.get("scopeName", "") for each in (spec.get("scopeSelector") or {}).get("matchExpressions") or []]
    return all(_SCOPES.get(scope, False) for scope in scopes)


def _budget(quota: Object) -> Iterator[tuple[str, Decimal, Decimal]]:
    """Yield resource, hard limit and what is left of it."""
    status = quota.get("status") or {}
    hard = read_amounts((quota.get("spec") or {}).get("hard"))
    used = read_amounts(status.get("used"))
    for name, most in hard.items():
        yield name, most, most - used.get(name, Decimal(0))


def _against(quota: Object, rollouts: Sequence[Rollout], created: Counter[str]) -> Iterator[Finding]:
    if not _applies(quota):
        return
    for resource, hard, left in _budget(quota):
        name = _ALIASES.get(resource, resource)
        objects = Decimal(created[_ALIASES.get(resource, resource)])
        final = objects + total(each.final.get(name) for each in rollouts)
        peak = objects + total(each.peak.get(name) for each in rollouts)
        stuck = any(not each.may_go_below and each.next_pod.get(name, Decimal(0)) > left for each in rollouts)
        params = {
            "quota": quota["metadata"]["name"],
            "resource": resource,
            "left": words(name, max(left, Decimal(0))),
            "hard": words(name, hard),
        }
        if final > left and final > 0:
            yield Finding("budget.exceeded", STOP, {**params, "needed": words(name, final)})
        elif peak > left and peak > 0:
            code, level = ("budget.stuck", STOP) if stuck else ("budget.tight", WARN)
            yield Finding(code, level, {**params, "needed": words(name, peak)})


def _unsaid(
    application: str, spec: Object, quotas: Sequence[Object], limit_ranges: Sequence[Object]
) -> Iterator[Finding]:
    """Yield what a quota wants every container to say and one does not: its pods would be refused."""
    for quota in filter(_applies, quotas):
        for resource, _hard, _left in _budget(quota):
            group, _, name = _ALIASES.get(resource, resource).partition(".")
            if group not in ("requests", "limits") or name not in ("cpu", "memory"):
                continue
            for container in spec.get("containers") or []:
                if f"{group}.{name}" not in named_amounts(container, limit_ranges):
                    params = {"quota": quota["metadata"]["name"], "resource": f"{group}.{name}"}
                    params |= {"application": application, "container": container["name"]}
                    yield Finding("budget.unsaid", STOP, params)


def _fits(quotas: Sequence[Object], rollouts: Sequence[Rollout]) -> Finding:
    """Return that it fits, naming the resource that is closest to its limit at the worst moment."""
    closest: tuple[Decimal, dict[str, Any]] | None = None
    for quota in filter(_applies, quotas):
        for resource, hard, left in _budget(quota):
            name = _ALIASES.get(resource, resource)
            needed = max(total(each.peak.get(name) for each in rollouts), Decimal(0))
            share = (left - needed) / hard if hard else Decimal(0)
            if closest is None or share < closest[0]:
                params = {"quota": quota["metadata"]["name"], "resource": resource, "needed": words(name, needed)}
                closest = share, {**params, "left": words(name, left), "hard": words(name, hard)}
    return Finding("budget.fits", OK, closest[1]) if closest else Finding("budget.uncounted", OK)


def count_key(item: Object) -> str:
    """Return how a quota names the number of objects of a kind: `services`, `count/deployments.apps`."""
    kind = kind_of(item["kind"], item["apiVersion"])
    core = {"Service", "ConfigMap", "Secret", "PersistentVolumeClaim"}
    return kind.plural if item["kind"] in core else f"count/{kind.plural}.{kind.group}".rstrip(".")
