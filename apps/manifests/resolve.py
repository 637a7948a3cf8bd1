"""One call from stored form data to a checked `Spec` for one target, with the layer each value comes from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apps.manifests import consistency, overrides
from apps.manifests.defaults import list_defaults, platform_layer
from apps.manifests.fields import FieldError
from apps.manifests.overrides import BASE, Layer, Source
from apps.manifests.parse import parse
from apps.manifests.spec import Spec

ENVIRONMENTS = "environments"
TARGETS = "targets"


@dataclass(frozen=True, slots=True)
class Resolved:
    """A DeployYml as one target sees it: the layers, the document they make, and its `Spec` or its errors.

    Exactly one of `spec` and `errors` says something.
    """

    layers: tuple[Layer, ...]
    document: Mapping[str, Any]
    spec: Spec | None
    errors: tuple[FieldError, ...]

    def source(self, path: str) -> Source:
        """Return the layer that `path` of the resolved document comes from."""
        return overrides.explain(self.layers, path)

    def reasons(self) -> dict[str, str]:
        """Return the platform's reason for each value that still is its default, by path."""
        platform = list_defaults(overrides.resolve(self.layers[1:]))
        return {one.path: one.reason for one in platform if self.source(one.path).layer == overrides.PLATFORM}


def layers_for(
    base: Mapping[str, Any], changes: Mapping[str, Any], *, environment: str | None, target: str | None
) -> tuple[Layer, ...]:
    """Return the stack for one target; without one for an environment, or for the base alone.

    `changes` is ``{"environments": {slug: document}, "targets": {slug: document}}``; see `overrides.py` for how the
    documents are laid over each other.
    """
    written = [Layer(BASE, base)]
    for group, slug in ((ENVIRONMENTS, environment), (TARGETS, target)):
        document = (changes.get(group) or {}).get(slug) if slug else None
        if isinstance(document, dict):
            written.append(Layer(f"{group.removesuffix('s')}:{slug}", document))
    return (platform_layer(overrides.resolve(written)), *written)


def resolve(
    base: Mapping[str, Any],
    changes: Mapping[str, Any] | None = None,
    *,
    environment: str | None = None,
    target: str | None = None,
) -> Resolved:
    """Return the document of one target, parsed and checked."""
    layers = layers_for(base, changes or {}, environment=environment, target=target)
    document = overrides.resolve(layers)
    parsed = parse(document)
    if isinstance(parsed, Spec):
        errors = consistency.check(parsed)
        return Resolved(layers, document, None if errors else parsed, tuple(errors))
    return Resolved(layers, document, None, tuple(parsed))
