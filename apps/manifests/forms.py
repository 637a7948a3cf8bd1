"""The DeployYml form: which fields there are, and how what was typed becomes one layer's document.

The same form edits the base and every override. A field left empty is not written, so it inherits; ``-`` removes what
would be inherited. What cannot be read as a number stays text, so that `parse` complains at the field and nothing that
was typed is lost.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from . import fields
from .overrides import REMOVE
from .spec import ProbeType, ServiceType, StrategyType

Text = str | Promise

REMOVED = "-"
OFF = "off"
ON = "on"


class Kind(StrEnum):
    """How a field is typed and read."""

    TEXT = "text"
    NUMBER = "number"
    COUNT = "count"  # a number or a percentage
    FLAG = "flag"
    CHOICE = "choice"
    LINES = "lines"  # one item a line, or a JSON list where an item has several lines
    TABLE = "table"  # key=value lines
    BLOCK = "block"  # a text of several lines
    SWITCH = "switch"  # whether a group of fields is there at all
    SECRET = "secret"  # the key of a secret value  # noqa: S105


@dataclass(frozen=True, slots=True)
class FormField:
    """One input, named by its path in the document (or inside its row)."""

    path: str
    kind: Kind
    label: Text
    help: Text = ""
    unit: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RowGroup:
    """A list whose rows are told apart by one column."""

    path: str
    key: str
    label: Text
    add_label: Text
    columns: tuple[FormField, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """Fields that belong together on the page; `switch` turns the whole group on, off, or leaves it inherited."""

    key: str
    title: Text
    intro: Text
    fields: tuple[FormField, ...] = ()
    rows: tuple[RowGroup, ...] = ()
    groups: tuple[Section, ...] = ()
    switch: FormField | None = None
    open: bool = True


def _amounts(side: str, cpu: Text, memory: Text) -> tuple[FormField, ...]:
    return (
        FormField(f"resources.{side}.cpu", Kind.TEXT, cpu, _("500m is half a core.")),
        FormField(f"resources.{side}.memory", Kind.TEXT, memory, _("512Mi or 1Gi.")),
    )


def _probe(name: str, title: Text, intro: Text) -> Section:
    base = f"probes.{name}"
    return Section(
        key=base,
        title=title,
        intro=intro,
        switch=FormField(f"{base}.type", Kind.SWITCH, _("Asks by"), choices=tuple(map(str, ProbeType))),
        fields=(
            FormField(f"{base}.port", Kind.TEXT, _("Port name"), _("HTTP and TCP; empty: the first port.")),
            FormField(f"{base}.path", Kind.TEXT, _("Path"), _("HTTP only.")),
            FormField(f"{base}.command", Kind.LINES, _("Command"), _("One argument a line; keep it cheap.")),
            FormField(f"{base}.initial_delay", Kind.NUMBER, _("First after"), unit="s"),
            FormField(f"{base}.period", Kind.NUMBER, _("Every"), unit="s"),
            FormField(f"{base}.timeout", Kind.NUMBER, _("Gives up after"), unit="s"),
            FormField(f"{base}.failure_threshold", Kind.NUMBER, _("Fails after"), unit="times"),
            FormField(f"{base}.success_threshold", Kind.NUMBER, _("Passes after"), unit="times"),
        ),
    )


SECTIONS: tuple[Section, ...] = (
    Section(
        "scale",
        _("Replicas and resources"),
        _("How many pods run, and what each may use."),
        fields=(
            FormField("replicas", Kind.NUMBER, _("Replicas"), unit="pods"),
            *_amounts("requests", _("CPU reserved"), _("Memory reserved")),
            *_amounts("limits", _("CPU at most"), _("Memory at most")),
        ),
        groups=(
            Section(
                "autoscaling",
                _("Autoscaling"),
                _("The number of pods follows their CPU use; the fixed number above is then not used."),
                switch=FormField("autoscaling", Kind.SWITCH, _("Autoscaling")),
                fields=(
                    FormField("autoscaling.min", Kind.NUMBER, _("At least"), unit="pods"),
                    FormField("autoscaling.max", Kind.NUMBER, _("At most"), unit="pods"),
                    FormField("autoscaling.cpu", Kind.NUMBER, _("Wanted CPU use"), unit="%"),
                ),
            ),
        ),
    ),
    Section(
        "network",
        _("Ports, Service and Ingress"),
        _("What the program listens on, and how it is reached."),
        rows=(
            RowGroup(
                "ports", "name", _("Ports"), _("Add a port"),
                (
                    FormField("name", Kind.TEXT, _("Name")),
                    FormField("port", Kind.NUMBER, _("Port")),
                    FormField("service_port", Kind.NUMBER, _("Port of the Service")),
                    FormField("protocol", Kind.CHOICE, _("Protocol"), choices=("TCP", "UDP", "SCTP")),
                ),
            ),
        ),
        fields=(
            FormField("service.enabled", Kind.FLAG, _("Service")),
            FormField("service.type", Kind.CHOICE, _("Reachable"), choices=tuple(map(str, ServiceType))),
        ),
        groups=(
            Section(
                "ingress",
                _("Ingress"),
                _("The way in from outside. Without a host it gets one under the cluster's domain."),
                switch=FormField("ingress", Kind.SWITCH, _("Ingress")),
                fields=(
                    FormField("ingress.host", Kind.TEXT, _("Host")),
                    FormField("ingress.path", Kind.TEXT, _("Path")),
                    FormField("ingress.path_type", Kind.CHOICE, _("Compared as"), choices=("Prefix", "Exact", "ImplementationSpecific")),
                    FormField("ingress.port", Kind.TEXT, _("Port name"), _("Empty: the first port.")),
                    FormField("ingress.tls", Kind.FLAG, _("HTTPS")),
                    FormField("ingress.tls_secret", Kind.TEXT, _("Secret with the certificate"), _("Empty: the controller's own.")),
                    FormField("ingress.class_name", Kind.TEXT, _("Class"), _("Empty: the cluster's.")),
                    FormField("ingress.annotations", Kind.TABLE, _("Annotations"), _("key=value, one a line.")),
                ),
            ),
        ),
    ),
    Section(
        "configuration",
        _("Environment, secrets and files"),
        _("What differs between environments belongs here, not into the image. A change is a rollout."),
        rows=(
            RowGroup(
                "env", "name", _("Environment variables"), _("Add a variable"),
                (
                    FormField("name", Kind.TEXT, _("Name")),
                    FormField("value", Kind.BLOCK, _("Value")),
                    FormField("secret", Kind.SECRET, _("or secret value")),
                ),
            ),
            RowGroup(
                "secrets", "name", _("Secret values"), _("Add a secret"),
                (
                    FormField("name", Kind.TEXT, _("Name")),
                    FormField("description", Kind.TEXT, _("What it is for")),
                ),
            ),
            RowGroup(
                "files", "path", _("Configuration files"), _("Add a file"),
                (
                    FormField("path", Kind.TEXT, _("Path")),
                    FormField("content", Kind.BLOCK, _("Content")),
                    FormField("secret", Kind.SECRET, _("or secret value")),
                ),
            ),
        ),
    ),
    Section(
        "health",
        _("Probes"),
        _("How the cluster knows that a pod is well."),
        groups=(
            _probe("readiness", _("Readiness"), _("Whether traffic may come. A rollout waits for it.")),
            _probe("liveness", _("Liveness"), _("Whether the program hangs and must be started again.")),
            _probe("startup", _("Startup"), _("How long a start may take before liveness counts.")),
        ),
    ),
    Section(
        "rollout",
        _("Rollout and ending"),
        _("How new pods replace old ones, and how a pod says goodbye."),
        fields=(
            FormField("strategy.type", Kind.CHOICE, _("Strategy"), choices=tuple(map(str, StrategyType))),
            FormField("strategy.max_surge", Kind.COUNT, _("Pods more than wanted"), _("1 or 25%.")),
            FormField("strategy.max_unavailable", Kind.COUNT, _("Pods fewer than wanted"), _("0 or 10%.")),
            FormField("progress_deadline", Kind.NUMBER, _("Failed without progress for"), unit="s"),
            FormField("lifecycle.pre_stop_sleep", Kind.NUMBER, _("Sleep before the signal"), unit="s"),
            FormField("lifecycle.grace_period", Kind.NUMBER, _("Time to end in all"), unit="s"),
        ),
    ),
    Section(
        "container",
        _("Process and node"),
        _("Rarely needed."),
        fields=(
            FormField("command", Kind.LINES, _("Command"), _("One argument a line; empty: the image's own.")),
            FormField("args", Kind.LINES, _("Arguments"), _("One a line.")),
            FormField("init_process", Kind.FLAG, _("Init process")),
            FormField("log_directory", Kind.TEXT, _("Directory of log files"), _("Kept while the pod lives, and readable even when it never came up.")),
            FormField("run_as_user", Kind.NUMBER, _("Run as user id")),
            FormField("read_only_root", Kind.FLAG, _("Read-only root")),
            FormField("node_group", Kind.TEXT, _("Group of nodes")),
            FormField("node_selector", Kind.TABLE, _("Node labels"), _("key=value, one a line.")),
            FormField("annotations", Kind.TABLE, _("Pod annotations"), _("key=value, one a line.")),
            FormField("bandwidth.ingress", Kind.TEXT, _("Network in at most"), unit="bit/s"),
            FormField("bandwidth.egress", Kind.TEXT, _("Network out at most"), unit="bit/s"),
        ),
        open=False,
    ),
)  # fmt: skip


def all_sections(sections: Iterable[Section] = SECTIONS) -> Iterable[Section]:
    """Yield every section and group of the form."""
    for section in sections:
        yield section
        yield from all_sections(section.groups)


def read_layer(typed: Mapping[str, str]) -> dict[str, Any]:
    """Return the document of one layer from the inputs of the form."""
    document: dict[str, Any] = {}
    for section in all_sections():
        switch = typed.get(section.switch.path, "") if section.switch else ON
        if section.switch is not None and switch == OFF:
            _put(document, section.key, None)
        elif section.switch is None or switch:
            _read_fields(document, section, typed, switch)
        for group in section.rows:
            rows = _read_rows(group, typed)
            if rows:
                _put(document, group.path, rows)
    return document


def _read_fields(document: dict[str, Any], section: Section, typed: Mapping[str, str], switch: str) -> None:
    if section.switch is not None:
        _put(document, section.key, {} if section.switch.path == section.key else {"type": switch})
    for field in section.fields:
        if section.key.startswith("probes.") and not _belongs(field.path, switch):
            continue
        text = typed.get(field.path, "").replace("\r\n", "\n")
        if text.strip():
            _put(document, field.path, None if text.strip() == REMOVED else read_value(field, text))


def _belongs(path: str, probe_type: str) -> bool:
    """Tell whether a field of a probe means something for its type; the others may hold what was typed before."""
    name = path.rpartition(".")[2]
    only = {"path": {"http"}, "port": {"http", "tcp"}, "command": {"command"}}
    return probe_type in only.get(name, {probe_type})


def _put(document: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    for step in parents:
        document = document.setdefault(step, {})
    document[last] = value


def read_value(field: FormField, text: str) -> Any:
    """Return the JSON value of a typed text; the text itself where it is not what the field wants."""
    bare = text.strip()
    if field.kind in {Kind.NUMBER, Kind.COUNT}:
        return int(bare) if re.fullmatch(r"-?\d{1,15}", bare, re.ASCII) else bare
    if field.kind == Kind.FLAG:
        return bare == ON
    if field.kind == Kind.LINES:
        return _read_lines(text)
    if field.kind == Kind.TABLE:
        return _read_table(text)
    return text if field.kind == Kind.BLOCK else bare


def _read_lines(text: str) -> Any:
    if text.lstrip().startswith("["):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return [line for line in text.split("\n") if line.strip()]


def _read_table(text: str) -> dict[str, str | None]:
    table: dict[str, str | None] = {}
    for line in text.split("\n"):
        key, equals, value = line.strip().partition("=")
        if key.startswith(REMOVED) and not equals:
            table[key.removeprefix(REMOVED).strip()] = None
        elif key or equals:
            table[key.strip()] = value.strip()
    return table


def _read_rows(group: RowGroup, typed: Mapping[str, str]) -> list[dict[str, Any]]:
    pattern = re.compile(rf"{re.escape(group.path)}\.(\d{{1,6}})\.[a-z_]+", re.ASCII)
    numbers = sorted({int(match[1]) for name in typed if (match := pattern.fullmatch(name))})
    rows = [_read_row(group, f"{group.path}.{number}.", typed) for number in numbers]
    return [row for row in rows if row]


def _read_row(group: RowGroup, prefix: str, typed: Mapping[str, str]) -> dict[str, Any]:
    given = {field.path: typed.get(prefix + field.path, "").replace("\r\n", "\n") for field in group.columns}
    name = given[group.key].strip()
    if not any(text.strip() for key, text in given.items() if key != "protocol"):
        return {}
    if typed.get(prefix + REMOVE):
        return {group.key: name, REMOVE: True}
    row: dict[str, Any] = {}
    for field in group.columns:
        text = given[field.path]
        if field.path in {"value", "content"}:
            # An empty value is a value, unless a secret takes its place; both at once is an error to show.
            if text or not given["secret"].strip():
                row[field.path] = text
        elif text.strip():
            row[field.path] = read_value(field, text)
    return row


def write_value(field: FormField, value: Any) -> str:
    """Return how a JSON value is typed: the inverse of `read_value`."""
    if value is None:
        return REMOVED
    if field.kind == Kind.FLAG and isinstance(value, bool):
        return ON if value else OFF
    if field.kind == Kind.LINES and isinstance(value, list):
        plain = all(isinstance(item, str) and item.strip() and "\n" not in item for item in value)
        simple = plain and value and not value[0].lstrip().startswith("[") and value != [REMOVED]
        return "\n".join(value) if simple else json.dumps(value, ensure_ascii=False)
    if field.kind == Kind.TABLE and isinstance(value, dict):
        return "\n".join(f"{REMOVED}{key}" if item is None else f"{key}={item}" for key, item in value.items())
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def find(document: Any, path: str) -> tuple[bool, Any]:
    """Return whether a document says something at `path`, and what."""
    for step in fields.parse_path(path):
        if not isinstance(document, dict) or step not in document:
            return False, None
        document = document[step]
    return True, document
