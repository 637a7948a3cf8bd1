"""The shape of a namespace's budget and limits as somebody fills them in; an empty field limits nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.clusters import namespaces
from apps.clusters.namespaces import Policy

_LABELS = {
    "requests.cpu": _("CPU, requests"),
    "requests.memory": _("Memory, requests"),
    "limits.cpu": _("CPU, limits"),
    "limits.memory": _("Memory, limits"),
    "pods": _("Pods"),
    "services": _("Services"),
    "default": _("Limit by default"),
    "defaultRequest": _("Request by default"),
    "min": _("Minimum"),
    "max": _("Maximum"),
    "maxLimitRequestRatio": _("Limit per request, at most"),
    "cpu": _("CPU"),
    "memory": _("Memory"),
}


class PolicyForm(forms.Form):
    """One ResourceQuota or LimitRange, field by field; `policy` is what is there now."""

    def __init__(self, policy: Policy, sent: Mapping[str, Any] | None = None) -> None:
        super().__init__(sent, prefix=policy.name)
        self.policy = policy
        for name, label, value in _fields(policy):
            self.fields[name] = forms.CharField(label=label, required=False, max_length=40, initial=value)

    def initial_amounts(self) -> dict[str, str]:
        """Return what is there now, as if it had been filled in."""
        return {name: str(field.initial) for name, field in self.fields.items() if field.initial}

    def amounts(self) -> dict[str, str]:
        """Return what was filled in."""
        return {name: value.strip() for name, value in self.cleaned_data.items() if value.strip()}

    def container(self) -> dict[str, dict[str, str]]:
        """Return what was filled in, kind of limit by kind."""
        said: dict[str, dict[str, str]] = {}
        for name, value in self.amounts().items():
            kind, _dot, resource = name.partition(".")
            said.setdefault(kind, {})[resource] = value
        return said


def _fields(policy: Policy) -> list[tuple[str, Any, str]]:
    if policy.kind == namespaces.QUOTA:
        hard = policy.spec.get("hard") or {}
        return [
            (name, _LABELS.get(name, name), hard.get(name, ""))
            for name in dict.fromkeys([*namespaces.RESOURCES, *hard])
        ]
    said = policy.container
    return [
        (f"{kind}.{resource}", f"{_LABELS[kind]}: {_LABELS[resource]}", said.get(kind, {}).get(resource, ""))
        for kind in namespaces.KINDS_OF_LIMIT
        for resource in namespaces.LIMITED
    ]


def forms_for(found: namespaces.Namespace) -> list[PolicyForm]:
    """Return a form for each quota and LimitRange of ours, and an empty one where we have none of a kind."""
    made: list[PolicyForm] = []
    groups = (
        (namespaces.QUOTA, namespaces.OWN_QUOTA, found.quotas),
        (namespaces.LIMITS, namespaces.OWN_LIMITS, found.limits),
    )
    for kind, name, there in groups:
        ours = [policy for policy in there if policy.ours and policy.is_plain]
        if not ours and all(policy.name != name for policy in there):
            ours = [Policy(kind, name, True, (), {})]
        made += [PolicyForm(policy) for policy in ours]
    return made
