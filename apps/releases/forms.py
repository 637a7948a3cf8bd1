"""Forms of release orders."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.applications.models import Application, Environment, Project
from apps.manifests import selectors as manifests

from . import lookup
from .models import MOST_WAVES, ReleaseOrder


class ReleaseForm(forms.Form):
    """A new release order: where to and when. What, is a row for each application (`ItemForm`)."""

    environment = forms.ChoiceField(label=_("Environment"))
    note = forms.CharField(
        label=_("What for"), max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("For those who approve it, and who read it later."),
    )  # fmt: skip
    start = forms.ChoiceField(label=_("Start"), choices=ReleaseOrder.Start.choices, initial=ReleaseOrder.Start.AT_ONCE)
    scheduled_for = forms.DateTimeField(
        label=_("Not before"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
        help_text=_("Leave empty to start without waiting for a time."),
    )

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        environments = lookup.list_environments(project)
        _choose(self, "environment", [(row.slug, _environment_label(row)) for row in environments])
        # The first that something can be released to; an environment without targets is only shown.
        self.fields["environment"].initial = next((row.slug for row in environments if row.targets.all()), None)

    def clean_scheduled_for(self) -> Any:
        """Refuse a time that has passed."""
        moment = self.cleaned_data["scheduled_for"]
        if moment is not None and moment <= timezone.now():
            raise forms.ValidationError(_("Choose a time in the future."))
        return moment


class ItemForm(forms.Form):
    """One application of a new order: which build, with which DeployYml, in which wave."""

    build = forms.TypedChoiceField(label=_("Build"), coerce=int, help_text=_("Only builds that succeeded."))
    deployyml_revision = forms.TypedChoiceField(
        label="DeployYml",
        coerce=int,
        help_text=_("The same build with a newer DeployYml changes the configuration alone."),
    )
    wave = forms.IntegerField(
        label=_("Wave"),
        min_value=1,
        max_value=MOST_WAVES,
        initial=1,
        required=False,
        help_text=_("A wave begins when the one before it has succeeded everywhere."),
    )

    def __init__(self, *args: Any, application: Application, **kwargs: Any) -> None:
        kwargs["prefix"] = f"item-{application.slug}"
        super().__init__(*args, **kwargs)
        self.application = application
        self.builds = lookup.list_releasable_builds(application)
        revisions = manifests.list_revisions(application).defer("base", "overrides")[:50]
        builds = [
            (row.number, f"#{row.number} · {row.ref} · {row.short_sha} · {row.commit_title[:60]}")
            for row in self.builds
        ]
        _choose(self, "build", builds)
        _choose(self, "deployyml_revision", [(row.number, f"r{row.number} {row.note}".strip()) for row in revisions])

    def clean_wave(self) -> int:
        """Return the wave, counted from nought; the first where none is given."""
        return int(self.cleaned_data["wave"] or 1) - 1


def _choose(form: forms.Form, name: str, choices: list[tuple[Any, str]]) -> None:
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField)
    field.choices = choices


def _environment_label(environment: Environment) -> str:
    places = ", ".join(target.slug for target in environment.targets.all())
    return f"{environment.name} · {places or _('no target yet')}"


class VerdictForm(forms.Form):
    """A word with a reason."""

    note = forms.CharField(max_length=500, required=False)
    plan_hash = forms.CharField(max_length=64, required=False)
