from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.manifests.forms import all_sections, read_layer
from apps.manifests.presentation import FormView
from apps.manifests.resolve import layers_for
from apps.manifests.spec import Spec
from tests.manifests.documents import FULL, documents


def typed_as_shown(document: dict[str, Any], *, override: bool = False) -> dict[str, str]:
    """Return what a browser would post if somebody opened the form of a layer and saved it untouched."""
    if override:
        below = layers_for({}, {"environments": {"e": document}}, environment="e", target=None)[:-1]
    else:
        below = layers_for(document, {}, environment=None, target=None)[:1]
    typed: dict[str, str] = {}

    def collect(sections: Any) -> None:
        for section in sections:
            views = [*section.fields, *([section.switch] if section.switch else [])]
            typed.update({view.name: view.value for view in views})
            for group in section.rows:
                for row in group.rows:
                    typed.update({cell.name: cell.value for cell in row.cells})
                    if row.removed:
                        typed[row.remove_name] = "1"
            collect(section.groups)

    collect(FormView(document, below, secrets=()).sections())
    # Browsers send CRLF.
    return {name: value.replace("\n", "\r\n") for name, value in typed.items()}


def tidy(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document without what the form cannot tell from nothing: empty lists and objects."""
    return {key: value for key, value in document.items() if value not in ([], {})}


def readable(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document whose texts are ones a form can hold: lines end in LF there."""

    def mend(rows: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
        return [{**row, **({key: row[key].replace("\r", "")} if key in row else {})} for row in rows]

    return {**document, "env": mend(document["env"], "value"), "files": mend(document["files"], "content")}


@given(documents().map(readable))
def test_saving_an_untouched_form_changes_nothing(document: dict[str, Any]) -> None:
    assert tidy(read_layer(typed_as_shown(document))) == tidy(document)


def test_the_full_example_survives_the_form() -> None:
    assert tidy(read_layer(typed_as_shown(FULL))) == FULL


def test_an_override_with_removals_survives_the_form() -> None:
    override = {
        "env": [{"name": "A", "remove": True}, {"name": "B", "value": "2"}],
        "ingress": None,
        "probes": {"liveness": None, "readiness": {"type": "http", "path": "/x"}},
        "log_directory": None,
        "resources": {"limits": {"cpu": None}},
        "annotations": {"example.com/a": None, "example.com/b": "c"},
        "service": {"enabled": False},
        "autoscaling": {"min": 2, "max": 5, "cpu": 60},
    }
    assert read_layer(typed_as_shown(override, override=True)) == override


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=8))
def test_any_post_gives_a_document(typed: dict[str, str]) -> None:
    assert isinstance(read_layer(typed), dict)


@pytest.mark.parametrize(
    ("typed", "document"),
    [
        ({"replicas": " 3 "}, {"replicas": 3}),
        ({"replicas": "three"}, {"replicas": "three"}),
        ({"replicas": "-"}, {"replicas": None}),
        ({"strategy.max_surge": "25%"}, {"strategy": {"max_surge": "25%"}}),
        ({"command": "a\r\nb c\r\n"}, {"command": ["a", "b c"]}),
        ({"command": '["a\\nb"]'}, {"command": ["a\nb"]}),
        ({"command": "[broken"}, {"command": "[broken"}),
        ({"annotations": "a=b=c\nd="}, {"annotations": {"a": "b=c", "d": ""}}),
        ({"env.0.name": "A", "env.0.value": ""}, {"env": [{"name": "A", "value": ""}]}),
        ({"env.7.name": "A", "env.7.secret": "K", "env.7.value": ""}, {"env": [{"name": "A", "secret": "K"}]}),
        ({"env.0.name": "", "env.0.value": ""}, {}),
        ({"ports.0.name": "", "ports.0.protocol": "TCP"}, {}),
        ({"probes.liveness.type": "tcp", "probes.liveness.path": "/left"}, {"probes": {"liveness": {"type": "tcp"}}}),
        ({"ingress.host": "a.example"}, {}),
        ({"ingress": "on"}, {"ingress": {}}),
    ],
)
def test_what_is_typed_becomes_the_document(typed: dict[str, str], document: dict[str, Any]) -> None:
    assert read_layer(typed) == document


def test_errors_are_shown_at_their_inputs_and_the_rest_is_kept() -> None:
    document = {"env": [{"name": "1", "value": ""}], "replicas": -1}
    errors = {"replicas": ["low"], "env[0].name": ["bad"], "command[1]": ["long"], "nowhere": ["odd"]}
    view = FormView(document, (), secrets=(), typed={"replicas": "-1"}, errors=errors)
    shown = {field.name: list(field.errors) for section in view.sections() for field in section.fields if field.errors}
    assert shown == {"replicas": ["low"], "command": ["long"]}
    assert view.unplaced_errors() == {"nowhere": ["odd"]}


def test_every_field_of_the_document_has_an_input() -> None:
    """A field that the form does not know would be lost when the form is saved."""
    names = {field.path.partition(".")[0] for section in all_sections() for field in section.fields}
    names |= {group.path for section in all_sections() for group in section.rows}
    assert set(Spec.__dataclass_fields__) - names == {"kind"}
