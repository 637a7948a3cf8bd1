"""Label and field selectors, in the query's text form and in the objects' `matchLabels` form.

https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .status import bad_request

_TOKEN = re.compile(r"\s*(==|!=|=|,|\(|\)|!|>|<|[^\s=!,()<>]+)")
_SYMBOLS = ("==", "!=", "=", ",", "(", ")", "!", ">", "<")
_OPERATORS = "in, notin, =, ==, !=, gt, lt"


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


class _Parser:
    """A reader of selector texts that words faults as the real one does."""

    def __init__(self, text: str) -> None:
        self._tokens = _TOKEN.findall(text)
        self._position = 0

    def peek(self) -> str:
        """Return the next token; empty at the end."""
        return self._tokens[self._position] if self._position < len(self._tokens) else ""

    def take(self) -> str:
        """Return the next token and pass it."""
        token = self.peek()
        self._position += 1
        return token

    def requirements(self) -> Iterator[Requirement]:
        """Yield every term."""
        while self.peek():
            if self.peek() in _SYMBOLS and self.peek() != "!":
                raise bad_request(f"found '{self.peek()}', expected: !, identifier, or 'end of string'")
            yield self._requirement()
            if self.peek() not in ("", ","):
                raise bad_request(f"found '{self.peek()}', expected: ',' or 'end of string'")
            if self.take() == "," and not self.peek():
                raise bad_request("found '', expected: identifier after ','")

    def _requirement(self) -> Requirement:
        if self.peek() == "!":
            self.take()
            return Requirement(self._identifier(), "DoesNotExist")
        key = self._identifier()
        operator = self.peek()
        if operator in ("", ","):
            return Requirement(key, "Exists")
        self.take()
        if operator in ("in", "notin"):
            return Requirement(key, "In" if operator == "in" else "NotIn", self._set())
        if operator not in ("=", "==", "!=", ">", "<"):
            raise bad_request(f"unable to parse requirement: found '{operator}', expected: {_OPERATORS}")
        value = "" if self.peek() in ("", ",") else self.take()
        if operator in (">", "<"):
            return Requirement(key, "Gt" if operator == ">" else "Lt", frozenset({value}))
        return Requirement(key, "NotIn" if operator == "!=" else "In", frozenset({value}))

    def _identifier(self) -> str:
        token = self.take()
        if not token or token in _SYMBOLS:
            raise bad_request(f"unable to parse requirement: found '{token}', expected: identifier")
        return token

    def _set(self) -> frozenset[str]:
        if self.peek() != "(":
            raise bad_request(f"unable to parse requirement: found '{self.peek()}' expected: '('")
        self.take()
        values: list[str] = []
        while self.peek() != ")":
            value = self.take()
            if not value or (value in _SYMBOLS and value != ","):
                raise bad_request(f"unable to parse requirement: found '{value}', expected: ',', or ')'")
            if value != ",":
                values.append(value)
        self.take()
        return frozenset(values)


@lru_cache(maxsize=1024)
def parse(text: str) -> Selector:
    """Return the terms of a selector such as `app=web,tier in (a, b),!canary`.

    Raises:
        ApiError: 400 for text that is no selector.
    """
    return tuple(_Parser(text).requirements())


def _split(text: str) -> list[str]:
    return [term.strip() for term in text.split(",") if term.strip()]


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
            if resource in FIELDS:
                raise bad_request(f"field label not supported: {match[1]}")
            only = 'only "metadata.name", "metadata.namespace"'
            raise bad_request(f'"{match[1]}" is not a known field selector: {only}')
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
