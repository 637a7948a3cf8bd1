"""Small tags of the DeployYml form."""

from __future__ import annotations

from collections.abc import Sequence

from django import template

from apps.manifests.forms import OFF, ON, FormField, Kind, Text
from apps.manifests.presentation import choice_words as words_of
from apps.manifests.presentation import input_id as id_of

register = template.Library()


@register.simple_tag
def choice_words(kind: Kind, value: str) -> Text:
    """Show a choice in words."""
    return words_of(kind, value)


@register.filter
def options(field: FormField) -> Sequence[str]:
    """Return what can be chosen besides inheriting."""
    if field.kind == Kind.SWITCH:
        return (*(field.choices or (ON,)), OFF)
    return (ON, OFF) if field.kind == Kind.FLAG else field.choices


@register.filter
def input_id(path: str) -> str:
    """Return the id of the input that stands for a path of the document."""
    return id_of(path)
