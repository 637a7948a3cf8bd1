"""The composer: a Dockerfile from a few answers. Only shapes are checked here; what it gives is judged by the policy."""

from __future__ import annotations

import re
import shlex
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.applications.models import Application
from apps.connections.models import Connection
from apps.registry import selectors as registry

from . import selectors
from .models import BaseImage
from .templates import RECIPES, Bases, compose

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


class ComposerForm(forms.Form):
    """Base images by stage, how to compile, what to copy, how to start."""

    clone = forms.ModelChoiceField(BaseImage.objects.none(), label=_("Clone on"), empty_label=None)
    compile = forms.ModelChoiceField(BaseImage.objects.none(), label=_("Compile on"), empty_label=None)
    run = forms.ModelChoiceField(BaseImage.objects.none(), label=_("Run on"), empty_label=None)
    commands = forms.CharField(
        label=_("Compile commands"),
        required=False,
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text=_(
            "One a line, in the repository's folder; each becomes a layer that is kept while nothing before it changes."
        ),
    )
    copied = forms.CharField(
        label=_("What to copy"),
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
        help_text=_("One a line: the path after compiling, and the path in the image."),
    )
    start = forms.CharField(
        label=_("Start command"),
        required=False,
        max_length=1000,
        help_text=_("Runs under the init process, without a shell. Empty: what the base image starts."),
    )
    port = forms.IntegerField(label=_("Port"), min_value=1, max_value=65_535)
    environment = forms.CharField(
        label=_("Environment variables"),
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false"}),
        help_text=_(
            "NAME=value, one a line. What differs between environments and every secret belongs into the DeployYml."
        ),
    )

    def __init__(self, application: Application, *args: Any, **kwargs: Any) -> None:
        recipe = RECIPES[application.language]
        initial = {
            "commands": "\n".join(recipe.compile_commands),
            "copied": "\n".join(" ".join(pair) for pair in recipe.copied),
            "start": shlex.join(recipe.start),
            "port": recipe.port,
            "environment": "\n".join(f"{name}={value}" for name, value in recipe.environment.items()),
        }
        kwargs["initial"] = {**initial, **(kwargs.get("initial") or {})}
        super().__init__(*args, **kwargs)
        self._host = registry.registry_host(application.harbor)
        for stage in BaseImage.Stage.values:
            field: Any = self.fields[stage]
            # Images for the application's language stand before those for all.
            field.queryset = selectors.allowed_images(application, stage).order_by("-language", "id")
            field.initial = field.queryset.first()

    def clean_copied(self) -> list[tuple[str, str]]:
        """Return pairs of paths."""
        pairs = []
        for line in _lines(self.cleaned_data["copied"]):
            parts = line.split()
            if len(parts) != 2:
                raise forms.ValidationError(_("“%(line)s”: two paths are needed."), params={"line": line})
            pairs.append((parts[0], parts[1]))
        return pairs

    def clean_start(self) -> list[str]:
        """Return the words of the command."""
        try:
            return shlex.split(self.cleaned_data["start"])
        except ValueError as exc:
            raise forms.ValidationError(_("A quotation mark is not closed.")) from exc

    def clean_environment(self) -> dict[str, str]:
        """Return the variables."""
        variables = {}
        for line in _lines(self.cleaned_data["environment"]):
            name, equals, value = line.partition("=")
            if not equals or not _NAME.fullmatch(name):
                raise forms.ValidationError(_("“%(line)s”: write NAME=value."), params={"line": line})
            variables[name] = value
        return variables

    def text(self) -> str:
        """Return the Dockerfile for valid answers."""
        answers = self.cleaned_data
        bases = {stage: f"{self._host}/{answers[stage].reference}" for stage in BaseImage.Stage.values}
        return compose(
            Bases(**bases, init_path=answers["run"].init_path),
            compile_commands=_lines(answers["commands"]),
            copied=answers["copied"],
            start=answers["start"],
            port=answers["port"],
            environment=answers["environment"],
        )


class BaseImageForm(forms.Form):
    """An image to approve as base of a stage."""

    harbor: forms.ModelChoiceField[Connection] = forms.ModelChoiceField(
        None, label="Harbor", to_field_name="slug", empty_label=None
    )
    stage = forms.ChoiceField(label=_("Stage"), choices=BaseImage.Stage.choices)
    reference = forms.RegexField(
        r"^[a-z0-9]+([._/-]+[a-z0-9]+)*(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(@sha256:[0-9a-f]{64})?$",
        label=_("Image"),
        max_length=200,
        help_text=_("Without the registry's host: base/python-run:3.11"),
        error_messages={"invalid": _("Write it as repository:tag, without the registry's host.")},
    )
    language = forms.ChoiceField(
        label=_("Language"), required=False, choices=[("", _("All languages")), *Application.Language.choices]
    )
    init_path = forms.RegexField(
        r"^/[^\s\"\\]+$",
        label=_("Init process"),
        required=False,
        max_length=200,
        help_text=_("The path in a run image; templates start the application under it."),
        error_messages={"invalid": _("An absolute path.")},
    )
    description = forms.CharField(label=_("Description"), required=False, max_length=200)

    def __init__(self, *args: Any, harbors: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["harbor"]
        field.queryset = harbors
