"""Label and field selectors, in the query's text form and in the objects' `matchLabels` form.

https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .status import bad_request

_KEY = r"(?:[A-Za-z0-9](?:[-A-Za-z0-9.]*[A-Za-z0-9])?/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?"
_VALUE = r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?"
_SET = re.compile(rf"({_KEY})\s+(in|notin)\s*\(([^()]*)\)")
_EQUALITY = re.compile(rf"({_KEY})\s*(==|=|!=)\s*({_VALUE})")
_ORDER = re.compile(rf"({_KEY})\s*([<>])\s*(-?\d+)")
_EXISTS = re.compile(rf"(!?)\s*({_KEY})")


@dataclass(frozen=True)
class Requirement:
    """One term: `key operator values`."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Return whether the labels fulfil this term."""
        value = labels.get(self.key)
        if self.operator == "Exists":
            return value is not None
        if self.operator == "DoesNotExist":
            return value is None
        if self.operator == "In":
            return value in self.values
        if self.operator == "NotIn":
            return value not in self.values
        try:
            number, bound = int(value or ""), int(next(iter(self.values)))
        except ValueError:
            return False
        return number > bound if self.operator == "Gt" else number < bound


Selector = tuple[Requirement, ...]


def parse(text: str) -> Selector:
    """Return the terms of a selector such as `app=web,tier in (a, b),!canary`.

    Raises:
        ApiError: 400 for text that is no selector.
    """
    requirements = []
    for term in _split(text):
        requirements.append(_term(term, text))
    return tuple(requirements)


def _split(text: str) -> list[str]:
    terms = re.split(r",(?![^()]*\))", text)
    return [term.strip() for term in terms if term.strip()]


def _term(term: str, whole: str) -> Requirement:
    if match := _SET.fullmatch(term):
        values = frozenset(value.strip() for value in match[3].split(","))
        return Requirement(match[1], "In" if match[2] == "in" else "NotIn", values)
    if match := _EQUALITY.fullmatch(term):
        return Requirement(match[1], "NotIn" if match[2] == "!=" else "In", frozenset({match[3]}))
    if match := _ORDER.fullmatch(term):
        return Requirement(match[1], "Gt" if match[2] == ">" else "Lt", frozenset({match[3]}))
    if match := _EXISTS.fullmatch(term):
        return Requirement(match[2], "DoesNotExist" if match[1] else "Exists")
    raise bad_request(f"unable to parse requirement: found '{term}', in \"{whole}\"")


def from_label_selector(selector: Mapping[str, Any] | None) -> Selector:
    """Return the terms of a `{matchLabels, matchExpressions}` object; an absent one has none and matches all."""
    requirements = [
        Requirement(key, "In", frozenset({value})) for key, value in ((selector or {}).get("matchLabels") or {}).items()
    ]
    for expression in (selector or {}).get("matchExpressions") or []:
        values = frozenset(expression.get("values") or ())
        requirements.append(Requirement(expression["key"], expression["operator"], values))
    return tuple(requirements)


def compile_labels(labels: str | Mapping[str, str] | Selector | None) -> Selector:
    """Return the terms of a selector text, of a plain mapping of labels, or of terms."""
    if labels is None or isinstance(labels, tuple):
        return labels or ()
    if isinstance(labels, str):
        return parse(labels)
    return tuple(Requirement(key, "In", frozenset({value})) for key, value in labels.items())


def matches(selector: Selector, labels: Mapping[str, str] | None) -> bool:
    """Return whether the labels fulfil every term."""
    return all(requirement.matches(labels or {}) for requirement in selector)


# Which fields each resource can be selected by, besides metadata.name and metadata.namespace.
FIELDS: dict[str, tuple[str, ...]] = {
    "pods": ("spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName",
             "spec.hostNetwork", "status.phase", "status.podIP", "status.podIPs", "status.nominatedNodeName"),
    "events": ("involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
               "involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason",
               "reportingComponent", "source", "type"),
    "events.events.k8s.io": ("regarding.kind", "regarding.namespace", "regarding.name", "regarding.uid",
                             "regarding.apiVersion", "regarding.resourceVersion", "regarding.fieldPath", "reason",
                             "reportingController", "type"),
    "secrets": ("type",),
    "namespaces": ("status.phase",),
    "nodes": ("spec.unschedulable",),
    "services": ("spec.clusterIP", "spec.type"),
    "replicasets.apps": ("status.replicas",),
    "replicationcontrollers": ("status.replicas",),
    "jobs.batch": ("status.successful",),
}  # fmt: skip


def parse_fields(text: str, resource: str) -> Callable[[Mapping[str, Any]], bool]:
    """Return a test for a field selector such as `metadata.name=web,status.phase!=Running`.

    Raises:
        ApiError: 400 for an unknown field or text that is no selector.
    """
    known = ("metadata.name", "metadata.namespace", *FIELDS.get(resource, ()))
    terms: list[tuple[list[str], bool, str]] = []
    for term in _split(text):
        match = re.fullmatch(r"([^=!]+?)\s*(==|=|!=)\s*(.*)", term)
        if match is None:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{term}'")
        if match[1] not in known:
            raise bad_request(f"field label not supported: {match[1]}")
        terms.append((match[1].split("."), match[2] != "!=", match[3]))

    def test(obj: Mapping[str, Any]) -> bool:
        return all((_field(obj, path) == value) is equal for path, equal, value in terms)

    return test


def _field(obj: Mapping[str, Any], path: list[str]) -> str:
    value: Any = obj
    if path == ["source"]:
        path = ["source", "component"]
    if path == ["status", "successful"]:
        path = ["status", "succeeded"]
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
