"""What the form's template shows: each field with what is written here, what would be inherited, from where and why."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from apps.integrations.kubernetes import quantity

from . import overrides, quantity_words
from .defaults import list_defaults
from .fields import join
from .forms import SECTIONS, FormField, Kind, RowGroup, Section, Text, find, write_value
from .overrides import BASE, KEYED_LISTS, PLATFORM, REMOVE, Layer
from .spec import Probe, ProbeType, Spec

_PROBE_DEFAULTS = Probe(type=ProbeType.TCP)


def input_id(path: str) -> str:
    """Return the id of the input at a path; ``env[2].value`` and the input's name ``env.2.value`` are the same one."""
    return "f-" + re.sub(r"[^A-Za-z0-9_]+", "-", path).strip("-")


@dataclass(frozen=True, slots=True)
class FieldView:
    """One input as it is shown."""

    name: str
    field: FormField
    value: str
    inherited: str
    source: str
    reason: str
    errors: Sequence[str]

    @property
    def id(self) -> str:
        """Return the id of the input, which error messages link to."""
        return input_id(self.name)

    @property
    def one_line(self) -> str:
        """Return the inherited value on one line, for a placeholder."""
        return " · ".join(self.inherited.splitlines())


@dataclass(frozen=True, slots=True)
class RowView:
    """One row of a list."""

    remove_name: str
    cells: Sequence[FieldView]
    removed: bool
    errors: Sequence[str]


@dataclass(frozen=True, slots=True)
class InheritedRow:
    """A row that comes from a lower layer."""

    key: str
    summary: str
    source: str


@dataclass(frozen=True, slots=True)
class RowGroupView:
    """A list with its rows here, the rows it inherits, and an empty row to copy."""

    group: RowGroup
    rows: Sequence[RowView]
    inherited: Sequence[InheritedRow]
    blank: RowView
    errors: Sequence[str]


@dataclass(frozen=True, slots=True)
class SectionView:
    """A section of the form."""

    section: Section
    fields: Sequence[FieldView]
    rows: Sequence[RowGroupView]
    groups: Sequence[SectionView]
    switch: FieldView | None
    errors: Sequence[str]

    @property
    def has_errors(self) -> bool:
        """Tell whether anything inside is wrong, so that the section must be open."""
        inside = [*self.fields, *([self.switch] if self.switch else [])]
        rows = any(
            view.errors or any(row.errors or any(c.errors for c in row.cells) for row in view.rows)
            for view in self.rows
        )
        return (
            bool(self.errors) or rows or any(view.errors for view in inside) or any(g.has_errors for g in self.groups)
        )


def source_label(layer: str) -> str:
    """Return a layer in words."""
    if layer == PLATFORM:
        return _("platform default")
    return _("everywhere") if layer == BASE else layer.partition(":")[2]


class FormView:
    """Builds the sections of one layer's form.

    `document` is what the layer says; `below` the layers under it; `typed` what was posted and must be kept as it is;
    `errors` sentences by path inside the layer.
    """

    def __init__(
        self,
        document: Mapping[str, Any],
        below: Sequence[Layer],
        *,
        secrets: Sequence[str],
        typed: Mapping[str, str] | None = None,
        errors: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._document = document
        self._below = below
        self._inherited = overrides.resolve(below)
        self._reasons = {
            one.path: one.reason for one in list_defaults(overrides.resolve([*below, Layer("", document)]))
        }
        self._typed = typed
        self._errors = dict(errors or {})
        self.secrets = secrets

    def sections(self) -> list[SectionView]:
        """Return the whole form."""
        return [self._section(section) for section in SECTIONS]

    def unplaced_errors(self) -> dict[str, Sequence[str]]:
        """Return the errors that no input has shown; call it after `sections`."""
        return self._errors

    def _section(self, section: Section) -> SectionView:
        switch = self._field(section.switch, self._switch_value(section)) if section.switch else None
        own = bool(switch and switch.value)
        return SectionView(
            section=section,
            fields=[self._field(field, replaced=own and section.key.startswith("probes.")) for field in section.fields],
            rows=[self._rows(group) for group in section.rows],
            groups=[self._section(group) for group in section.groups],
            switch=switch,
            errors=self._errors.pop(section.key, ()),
        )

    def _switch_value(self, section: Section) -> str:
        """Return what the switch of a group says: its type, on, off, or nothing for inherited."""
        assert section.switch is not None
        if self._typed is not None:
            return self._typed.get(section.switch.path, "")
        written, value = find(self._document, section.key)
        return self._switch_words(section, value) if written else ""

    @staticmethod
    def _switch_words(section: Section, value: Any) -> str:
        if value is None:
            return "off"
        return (
            str(value.get("type", "on"))
            if section.switch and section.switch.choices and isinstance(value, dict)
            else "on"
        )

    def _field(self, field: FormField, value: str | None = None, *, replaced: bool = False) -> FieldView:
        if value is None:
            value = self._value(field)
        is_switch = field.kind == Kind.SWITCH
        path = field.path.removesuffix(".type") if is_switch else field.path
        present, inherited = find(self._inherited, path)
        text, source = "", ""
        if replaced:
            default = getattr(_PROBE_DEFAULTS, field.path.rpartition(".")[2])
            text, source = (str(default), PLATFORM) if isinstance(default, int) else ("", "")
        elif present:
            text = self._switch_text(field, inherited) if is_switch else write_value(field, inherited)
            source = overrides.explain(self._below, path).layer
        return FieldView(
            name=field.path,
            field=field,
            value=value,
            inherited=text,
            source=source_label(source) if source else "",
            reason=_(self._reasons[path]) if source == PLATFORM and path in self._reasons else "",
            errors=self._take_errors(field.path),
        )

    @staticmethod
    def _switch_text(field: FormField, inherited: Any) -> str:
        return str(inherited.get("type", "")) if field.choices and isinstance(inherited, dict) else "on"

    def _value(self, field: FormField) -> str:
        if self._typed is not None:
            return self._typed.get(field.path, "")
        written, value = find(self._document, field.path)
        return write_value(field, value) if written else ""

    def _take_errors(self, path: str) -> list[str]:
        """Return the errors at a path and inside it (an item of a list, an entry of a table)."""
        mine = [key for key in self._errors if key == path or key.startswith((f"{path}[", f"{path}."))]
        return [sentence for key in mine for sentence in self._errors.pop(key)]

    def _rows(self, group: RowGroup) -> RowGroupView:
        rows = [self._row(group, number, row) for number, row in enumerate(self._written_rows(group))]
        return RowGroupView(
            group=group,
            rows=rows,
            inherited=self._inherited_rows(group),
            blank=self._row(group, None, {}),
            errors=self._take_errors(group.path),
        )

    def _written_rows(self, group: RowGroup) -> list[Mapping[str, Any]]:
        # What was typed has been read into the document: rows keep their texts, only their numbers close up.
        rows = self._document.get(group.path)
        return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []

    def _row(self, group: RowGroup, number: int | None, row: Mapping[str, Any]) -> RowView:
        path = join(group.path, number) if number is not None else ""
        prefix = f"{group.path}.{'__prefix__' if number is None else number}."
        cells = [
            FieldView(
                name=prefix + field.path,
                field=field,
                value=write_value(field, row[field.path]) if row.get(field.path) is not None else "",
                inherited="",
                source="",
                reason="",
                errors=self._take_errors(f"{path}.{field.path}") if path else (),
            )
            for field in group.columns
        ]
        return RowView(prefix + REMOVE, cells, bool(row.get(REMOVE)), self._take_errors(path) if path else ())

    def _inherited_rows(self, group: RowGroup) -> list[InheritedRow]:
        rows = self._inherited.get(group.path)
        here = {row.get(group.key) for row in self._written_rows(group)}
        key = KEYED_LISTS[group.path,]
        return [
            InheritedRow(
                str(row.get(key)),
                ", ".join(f"{name} {_short(value)}" for name, value in row.items() if name != key),
                source_label(overrides.explain(self._below, f"{group.path}[{index}]").layer),
            )
            for index, row in enumerate(rows if isinstance(rows, list) else [])
            if isinstance(row, dict) and row.get(key) not in here
        ]


def _short(value: Any) -> str:
    text = str(value).replace("\n", " ")
    return text if len(text) <= 40 else f"{text[:39]}…"


def choice_words(kind: Kind, value: str) -> Text:
    """Return a choice as it is shown."""
    words = {"on": _("Yes"), "off": _("No"), "http": "HTTP", "tcp": "TCP", "command": _("Command")}
    if kind == Kind.SWITCH:
        words |= {"on": _("On"), "off": _("Off")}
    return words.get(value, value)


def resource_words(spec: Spec) -> str:
    """Return what the pods take together, in words: the numbers of the form are short, and easy to get wrong."""
    low, high = (spec.autoscaling.min, spec.autoscaling.max) if spec.autoscaling else (spec.replicas, spec.replicas)
    pods = str(low) if low == high else f"{low}-{high}"
    requests, limits = spec.resources.requests, spec.resources.limits
    nothing = _("no limit")
    return _("{pods} pods; each reserves {cpu} and {memory}, and may use {most_cpu} and {most_memory}.").format(
        pods=pods,
        cpu=quantity_words.cpu_words(requests.cpu or limits.cpu or "0"),
        memory=quantity.memory_words(requests.memory or limits.memory or "0"),
        most_cpu=quantity_words.cpu_words(limits.cpu) if limits.cpu else nothing,
        most_memory=quantity.memory_words(limits.memory) if limits.memory else nothing,
    )
