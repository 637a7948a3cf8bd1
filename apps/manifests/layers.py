"""Which layer of a DeployYml a page edits, and putting an edited layer back among the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apps.applications.models import Application, Target
from apps.core.errors import InvalidInput

from . import fields, lookup
from .messages import describe
from .overrides import BASE
from .resolve import ENVIRONMENTS, TARGETS


@dataclass(frozen=True, slots=True)
class EditedLayer:
    """The base, one environment's layer, or one target's."""

    name: str
    environment: str | None = None
    target: str | None = None

    @property
    def error_prefix(self) -> str:
        """Return how the paths of this layer's errors begin."""
        if self.target:
            return fields.format_path((TARGETS, self.target))
        if self.environment:
            return fields.format_path((ENVIRONMENTS, self.environment))
        return BASE

    def document(self, base: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
        """Return what this layer says."""
        if self.target:
            return dict((overrides.get(TARGETS) or {}).get(self.target) or {})
        if self.environment:
            return dict((overrides.get(ENVIRONMENTS) or {}).get(self.environment) or {})
        return dict(base)

    def replace(
        self, base: Mapping[str, Any], overrides: Mapping[str, Any], document: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return base and overrides with this layer saying `document`; an empty override is left out."""
        if not self.environment:
            return dict(document), dict(overrides)
        group, slug = (TARGETS, self.target) if self.target else (ENVIRONMENTS, self.environment)
        rest = {key: value for key, value in (overrides.get(group) or {}).items() if key != slug}
        changed = {**overrides, group: {**rest, **({slug: dict(document)} if document else {})}}
        return dict(base), {key: value for key, value in changed.items() if value}


@dataclass(frozen=True, slots=True)
class LayerChoice:
    """One entry of the page's choice of layers."""

    layer: EditedLayer
    label: str
    changes: int
    depth: int


def list_layers(
    targets: Sequence[Target], base_label: str, base: Mapping[str, Any], overrides: Mapping[str, Any]
) -> list[LayerChoice]:
    """Return the base, then each environment followed by its targets, with how much each says."""
    choices = [_choice(EditedLayer(BASE), base_label, 0, base, overrides)]
    seen: set[str] = set()
    for target in targets:
        environment = target.environment
        if environment.slug not in seen:
            seen.add(environment.slug)
            layer = EditedLayer(f"environment:{environment.slug}", environment.slug)
            choices.append(_choice(layer, environment.name, 1, base, overrides))
        key = f"{environment.slug}/{target.slug}"
        layer = EditedLayer(f"target:{key}", environment.slug, key)
        choices.append(_choice(layer, f"{environment.name} / {target.slug}", 2, base, overrides))
    return choices


def _choice(
    layer: EditedLayer, label: str, depth: int, base: Mapping[str, Any], overrides: Mapping[str, Any]
) -> LayerChoice:
    return LayerChoice(layer, label, _count(layer.document(base, overrides)), depth)


def _count(value: Any) -> int:
    """Return how many values a layer writes; a row counts once."""
    return sum(_count(child) for child in value.values()) if isinstance(value, dict) and value else 1 if value else 0


def get_layer(application: Application, name: str) -> EditedLayer:
    """Return the layer of this name.

    Raises:
        InvalidInput: the project has no such environment or target.
    """
    kind, _, slug = name.partition(":")
    if kind == "environment":
        lookup.secret_scope(application, environment=slug, target=None)
        return EditedLayer(name, slug)
    if kind == "target":
        lookup.get_target(application, slug)
        return EditedLayer(name, slug.partition("/")[0], slug)
    if name != BASE:
        raise InvalidInput(fields={"layer": [describe("not_a_choice", {"choices": [BASE]})]})
    return EditedLayer(BASE)
