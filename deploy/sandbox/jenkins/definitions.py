"""What a job's config.xml says: its kind, its parameters, its pipeline script.

The XML itself is kept and given back as it was posted; only what a build needs is read from it.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from typing import Any

FOLDER = "com.cloudbees.hudson.plugins.folder.Folder"
PIPELINE = "org.jenkinsci.plugins.workflow.job.WorkflowJob"
FREESTYLE = "hudson.model.FreeStyleProject"
KINDS = {FOLDER: FOLDER, "flow-definition": PIPELINE, "project": FREESTYLE}
SINGLE = "org.jenkinsci.plugins.workflow.job.properties.DisableConcurrentBuildsJobProperty"
DISCARDER = "jenkins.model.BuildDiscarderProperty"
FOLDER_XML = f"<?xml version='1.1' encoding='UTF-8'?>\n<{FOLDER}/>\n"

PARAMETERS = {
    "hudson.model.StringParameterDefinition": "hudson.model.StringParameterValue",
    "hudson.model.TextParameterDefinition": "hudson.model.TextParameterValue",
    "hudson.model.BooleanParameterDefinition": "hudson.model.BooleanParameterValue",
    "hudson.model.ChoiceParameterDefinition": "hudson.model.StringParameterValue",
}
Value = str | bool


class BadDefinition(ValueError):
    """The XML is no job that this server knows."""


class BadValue(ValueError):
    """A parameter got a value that it does not allow."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a job."""

    cls: str
    name: str
    default: Value
    description: str
    choices: tuple[str, ...] = ()
    trim: bool = False

    def value(self, text: str) -> Value:
        """Return what the parameter makes of a submitted text.

        Raises:
            BadValue: a choice that is not offered.
        """
        if self.cls.endswith("BooleanParameterDefinition"):
            return text.lower() in ("true", "on")
        if self.choices and text not in self.choices:
            raise BadValue(f"Illegal choice for parameter {self.name}: {text}")
        return text.strip() if self.trim else text

    def shape(self) -> dict[str, Any]:
        """Return the parameter as the remote API shows it."""
        shape: dict[str, Any] = {
            "_class": self.cls,
            "defaultParameterValue": {"_class": PARAMETERS[self.cls], "name": self.name, "value": self.default},
            "description": self.description,
            "name": self.name,
            "type": self.cls.rpartition(".")[2],
        }
        if self.choices:
            shape["choices"] = list(self.choices)
        return shape

    def value_shape(self, value: Value) -> dict[str, Any]:
        """Return a value of this parameter as a build shows it."""
        return {"_class": PARAMETERS[self.cls], "name": self.name, "value": value}


@dataclass(frozen=True)
class Definition:
    """What a build of a job needs to know."""

    kind: str
    description: str = ""
    disabled: bool = False
    concurrent: bool = True
    script: str | None = None
    keep: int = 0  # builds kept when one has ended; 0 keeps all
    parameters: tuple[Parameter, ...] = field(default=())

    def values(self, submitted: dict[str, str]) -> dict[str, Value]:
        """Return a value for each parameter: submitted or default; unknown names are ignored, as Jenkins does.

        Raises:
            BadValue: a choice that is not offered.
        """
        return {p.name: p.value(submitted[p.name]) if p.name in submitted else p.default for p in self.parameters}


def parse(xml: str) -> Definition:
    """Return what a config.xml defines.

    Raises:
        BadDefinition: no XML, an unknown kind of item, or an unknown kind of parameter.
    """
    try:
        # Jenkins writes XML 1.1, which Python's parser does not read; nothing in our documents needs it.
        root = ET.fromstring(re.sub(r"^\s*<\?xml[^>]*\?>", "", xml))  # noqa: S314 - a local development server
    except ET.ParseError as exc:
        raise BadDefinition(f"config.xml is not well-formed: {exc}") from exc
    if root.tag not in KINDS:
        raise BadDefinition(f"no item of type {root.tag} is known here")
    return Definition(
        kind=KINDS[root.tag],
        description=root.findtext("description") or "",
        disabled=root.findtext("disabled") == "true",
        concurrent=root.find(f"properties/{SINGLE}") is None,
        script=root.findtext("definition/script"),
        keep=max(0, _number(root.findtext(f"properties/{DISCARDER}/strategy/numToKeep"))),
        parameters=tuple(map(_parameter, root.iterfind(".//parameterDefinitions/*"))),
    )


def _number(text: str | None) -> int:
    try:
        return int(text or 0)
    except ValueError as exc:
        raise BadDefinition(f"{text} is no number of builds") from exc


def _parameter(element: ET.Element) -> Parameter:
    if element.tag not in PARAMETERS:
        raise BadDefinition(f"no parameter of type {element.tag} is known here")
    choices = tuple(choice.text or "" for choice in element.iterfind(".//string"))
    default: Value = element.findtext("defaultValue") or ""
    if element.tag.endswith("BooleanParameterDefinition"):
        default = default == "true"
    return Parameter(
        cls=element.tag,
        name=element.findtext("name") or "",
        default=choices[0] if choices else default,
        description=element.findtext("description") or "",
        choices=choices,
        trim=element.findtext("trim") == "true",
    )
