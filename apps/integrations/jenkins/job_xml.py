"""Render and read the XML of a pipeline job: parameters and one call of the shared library, nothing else. Pure.

Jenkins writes the XML it was given in its own way (plugin versions, further elements), so two documents are compared
by what they define: `is_same`.
https://www.jenkins.io/doc/book/pipeline/shared-libraries/
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

_PARAMETERS = "hudson.model.ParametersDefinitionProperty"
_DISCARDER = "jenkins.model.BuildDiscarderProperty"
_ROTATOR = "hudson.tasks.LogRotator"
_FLOW = "org.jenkinsci.plugins.workflow.cps.CpsFlowDefinition"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DECLARATION = re.compile(r"\A\ufeff?\s*<\?xml[^>]*\?>")
# Not even a reference may stand for these in XML 1.0; Jenkins keeps XML 1.1, which does not allow NUL either.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class ParameterKind(Enum):
    """The kinds of parameters we use, by Jenkins' classes."""

    STRING = "hudson.model.StringParameterDefinition"
    TEXT = "hudson.model.TextParameterDefinition"
    BOOLEAN = "hudson.model.BooleanParameterDefinition"
    CHOICE = "hudson.model.ChoiceParameterDefinition"


@dataclass(frozen=True)
class Parameter:
    """One parameter. A choice's default is its first choice; a boolean's default is `true` or `false`."""

    name: str
    kind: ParameterKind = ParameterKind.STRING
    description: str = ""
    default: str = ""
    choices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} cannot be the name of a Jenkins parameter")
        if self.kind is ParameterKind.BOOLEAN and self.default not in ("true", "false"):
            raise ValueError(f"the default of {self.name} must be true or false")
        if (self.kind is ParameterKind.CHOICE) != bool(self.choices) or (self.choices and self.default):
            raise ValueError(f"{self.name}: a choice has choices, of which the first is the default")


@dataclass(frozen=True)
class JobDefinition:
    """What a job is: parameters, in order, and a pipeline script. `keep_builds` of 0 keeps all."""

    script: str
    parameters: tuple[Parameter, ...] = ()
    description: str = ""
    keep_builds: int = 0

    def __post_init__(self) -> None:
        names = [parameter.name for parameter in self.parameters]
        if len(names) != len(set(names)):
            raise ValueError("a parameter is given twice")
        texts = [self.script, self.description]
        for parameter in self.parameters:
            texts += [parameter.description, parameter.default, *parameter.choices]
        if any(_FORBIDDEN.search(text) for text in texts):
            raise ValueError("a text holds a character that XML cannot carry")


def library_call(library: str, entry: str) -> str:
    """Return the whole script of a job: load the library, call its one entry."""
    return f"@Library('{library}') _\n{entry}()\n"


def render(job: JobDefinition) -> str:
    """Return the job's config.xml."""
    root = ET.Element("flow-definition")
    _add(root, "description", job.description)
    _add(root, "keepDependencies", "false")
    properties = ET.SubElement(root, "properties")
    if job.keep_builds:
        strategy = ET.SubElement(ET.SubElement(properties, _DISCARDER), "strategy", {"class": _ROTATOR})
        for name, count in (("daysToKeep", -1), ("numToKeep", job.keep_builds)):
            _add(strategy, name, str(count))
        for name in ("artifactDaysToKeep", "artifactNumToKeep"):
            _add(strategy, name, "-1")
    if job.parameters:
        definitions = ET.SubElement(ET.SubElement(properties, _PARAMETERS), "parameterDefinitions")
        for parameter in job.parameters:
            _add_parameter(definitions, parameter)
    definition = ET.SubElement(root, "definition", {"class": _FLOW})
    _add(definition, "script", job.script)
    # The script runs in Groovy's sandbox: it only calls the trusted library.
    _add(definition, "sandbox", "true")
    ET.SubElement(root, "triggers")
    _add(root, "disabled", "false")
    ET.indent(root)
    # A carriage return in a text would be read back as a line feed, unless it is written as a reference.
    body = ET.tostring(root, encoding="unicode").replace("\r", "&#13;")
    return f"<?xml version='1.0' encoding='UTF-8'?>\n{body}\n"


def parse(xml: str) -> JobDefinition:
    """Return what a config.xml defines, of what we use.

    Raises:
        ValueError: it is no pipeline job with a script of its own, or has parameters we never make.
    """
    text = _DECLARATION.sub("", xml)  # Jenkins says version 1.1, which Python's parser does not read
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError("a job definition has no document type")
    try:
        root = ET.fromstring(text)  # noqa: S314 (no entities, see above)
    except ET.ParseError as exc:
        raise ValueError(f"not XML: {exc}") from exc
    definition = root.find("definition")
    if root.tag != "flow-definition" or definition is None or definition.get("class") != _FLOW:
        raise ValueError("this is no pipeline job with its script in the job")
    elements = root.find(f"properties/{_PARAMETERS}/parameterDefinitions")
    keep = root.findtext(f"properties/{_DISCARDER}/strategy/numToKeep") or "0"
    return JobDefinition(
        script=definition.findtext("script") or "",
        parameters=tuple(_parameters(elements if elements is not None else ())),
        description=root.findtext("description") or "",
        keep_builds=max(int(keep), 0),
    )


def is_same(one: str, other: str) -> bool:
    """Return whether two documents define the same job; never for one we cannot read."""
    try:
        return parse(one) == parse(other)
    except ValueError:
        return False


def _add_parameter(parent: ET.Element, parameter: Parameter) -> None:
    element = ET.SubElement(parent, parameter.kind.value)
    _add(element, "name", parameter.name)
    _add(element, "description", parameter.description)
    if parameter.kind is ParameterKind.CHOICE:
        choices = ET.SubElement(element, "choices", {"class": "java.util.Arrays$ArrayList"})
        array = ET.SubElement(choices, "a", {"class": "string-array"})
        for choice in parameter.choices:
            _add(array, "string", choice)
        return
    _add(element, "defaultValue", parameter.default)
    if parameter.kind in (ParameterKind.STRING, ParameterKind.TEXT):
        _add(element, "trim", "false")


def _parameters(elements: Iterable[ET.Element]) -> Iterable[Parameter]:
    for element in elements:
        kind = ParameterKind(element.tag)
        default = element.findtext("defaultValue") or ""
        yield Parameter(
            name=element.findtext("name") or "",
            kind=kind,
            description=element.findtext("description") or "",
            default=(default or "false") if kind is ParameterKind.BOOLEAN else default,
            choices=tuple(choice.text or "" for choice in element.iterfind("choices//string")),
        )


def _add(parent: ET.Element, tag: str, text: str) -> None:
    ET.SubElement(parent, tag).text = text
