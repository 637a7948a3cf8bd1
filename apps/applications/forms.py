"""The shape of projects and what belongs to them, as people fill it in."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.accounts.roles import ROLE_NAMES
from apps.clusters import selectors as clusters
from apps.clusters.models import Cluster
from apps.connections import selectors as connections
from apps.connections.models import Connection

from .models import Application, Environment, Project
from .rollout_rules import BOUNDS, DEFAULTS, GROUP_NAMES, effective_rules

SLUG_HELP = _("Part of addresses, image names and Kubernetes names; it cannot be changed later.")
MOMENT = "%Y-%m-%dT%H:%M"


class ProjectSettingsForm(forms.Form):
    """What can be changed of a project."""

    name = forms.CharField(label=_("Name"), max_length=100)
    description = forms.CharField(label=_("Description"), max_length=300, required=False)


class ProjectForm(ProjectSettingsForm):
    """A project to create."""

    slug = forms.CharField(label=_("Short name"), max_length=40, help_text=SLUG_HELP)
    stages = forms.MultipleChoiceField(
        label=_("Environments to begin with"),
        choices=Environment.Stage.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        initial=[Environment.Stage.TEST, Environment.Stage.PRODUCTION],
        help_text=_("Each can be changed, and others added, at any time."),
    )
    field_order = ["name", "slug", "description", "stages"]


class MemberForm(forms.Form):
    """A person and their role."""

    username = forms.CharField(label=_("Sign-in name"), max_length=150)
    role = forms.ChoiceField(
        label=_("Role"), choices=[(role.value, name) for role, name in ROLE_NAMES.items()], initial="developer"
    )


class ApplicationSettingsForm(forms.Form):
    """What can be changed of an application."""

    name = forms.CharField(label=_("Name"), max_length=100)
    description = forms.CharField(label=_("Description"), max_length=300, required=False)
    branch = forms.CharField(
        label=_("Branch"), max_length=200, help_text=_("What is built where nobody says otherwise.")
    )
    build_on_push = forms.BooleanField(
        label=_("Build on push"), required=False, help_text=_("Each push to the branch starts a build.")
    )
    scan_gate = forms.ChoiceField(
        label=_("Security scan"),
        choices=Application.ScanGate.choices,
        initial=Application.ScanGate.HIGH,
        help_text=_("What findings in the code or the image make a build fail."),
    )


class RolloutRulesForm(forms.Form):
    """When an application's rollouts are given up; an empty number is the platform's."""

    restarts = forms.IntegerField(label=_("Restarts until given up"), required=False, min_value=1)
    image_seconds = forms.IntegerField(label=_("Patience with a missing image (s)"), required=False, min_value=0)
    configuration_seconds = forms.IntegerField(
        label=_("Patience with missing configuration (s)"), required=False, min_value=0
    )
    steady_seconds = forms.IntegerField(
        label=_("Watch pods without a readiness probe for (s)"), required=False, min_value=0
    )
    progress_seconds = forms.IntegerField(
        label=_("Give up without progress after (s)"),
        required=False,
        min_value=10,
        help_text=_("Empty: as the DeployYml says. A longer time than its has no effect."),
    )
    at_once = forms.MultipleChoiceField(
        label=_("Give up at once on"),
        choices=list(GROUP_NAMES.items()),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )

    def __init__(self, application: Application, *args: Any, **kwargs: Any) -> None:
        own = application.rollout_rules
        kwargs.setdefault("initial", {**own, "at_once": effective_rules(application)["at_once"]})
        super().__init__(*args, **kwargs)
        for name, default in DEFAULTS.items():
            if name in BOUNDS and default is not None:
                self.fields[name].widget.attrs["placeholder"] = str(default)
                self.fields[name].help_text = _("Platform: %(default)s") % {"default": default}


class ApplicationForm(ApplicationSettingsForm):
    """An application to create."""

    slug = forms.CharField(label=_("Short name"), max_length=40, help_text=SLUG_HELP)
    language = forms.ChoiceField(
        label=_("Language"), choices=Application.Language.choices, help_text=_("The first Dockerfile is made for it.")
    )
    gitlab = forms.ModelChoiceField(Connection.objects.none(), to_field_name="slug", label="GitLab", empty_label=None)
    jenkins = forms.ModelChoiceField(Connection.objects.none(), to_field_name="slug", label="Jenkins", empty_label=None)
    harbor = forms.ModelChoiceField(Connection.objects.none(), to_field_name="slug", label="Harbor", empty_label=None)
    repository_path = forms.CharField(
        label=_("Repository"), max_length=200, help_text=_("As in group/name; begin to type to choose one.")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for kind in ("gitlab", "jenkins", "harbor"):
            self.fields[kind].queryset = connections.list_connections(kind)  # type: ignore[attr-defined]

    @property
    def missing_kinds(self) -> list[str]:
        """Return the kinds of connections of which there is none: without them nothing can be created."""
        kinds = (Connection.Kind.GITLAB, Connection.Kind.JENKINS, Connection.Kind.HARBOR)
        return [kind.label for kind in kinds if not connections.list_connections(kind).exists()]


class EnvironmentForm(forms.Form):
    """An environment's name and policy."""

    name = forms.CharField(label=_("Name"), max_length=100)
    position = forms.IntegerField(
        label=_("Position"),
        min_value=0,
        max_value=1000,
        initial=0,
        help_text=_("Environments are shown in this order."),
    )
    approvals_needed = forms.IntegerField(
        label=_("Approvals needed"),
        min_value=0,
        max_value=10,
        initial=0,
        help_text=_("How many others must agree before anything is released. Nobody approves their own order."),
    )
    test_order_needed = forms.BooleanField(
        label=_("A passed test order is needed"), required=False, help_text=_("A tester has passed the commit before.")
    )
    unscanned_builds = forms.ChoiceField(
        label=_("Builds without a scan"),
        choices=Environment.Unscanned.choices,
        initial=Environment.Unscanned.BY_APPROVALS,
        help_text=_("What becomes of a build that no scanner could look at."),
    )
    auto_rollback = forms.BooleanField(
        label=_("Roll back by itself"),
        required=False,
        help_text=_("A deployment that fails goes back to the version before."),
    )
    allowed_branches = forms.CharField(
        label=_("Allowed branches"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text=_("One a line; release/* stands for all that begin so. Empty means every branch."),
    )

    def clean_allowed_branches(self) -> list[str]:
        """Return the branches, without blanks and repetitions."""
        lines = [line.strip() for line in self.cleaned_data["allowed_branches"].splitlines()]
        return list(dict.fromkeys(filter(None, lines)))


class NewEnvironmentForm(EnvironmentForm):
    """An environment to create."""

    slug = forms.CharField(label=_("Short name"), max_length=40, help_text=SLUG_HELP)
    stage = forms.ChoiceField(label=_("Stage"), choices=Environment.Stage.choices)


class FreezeForm(forms.Form):
    """A time in which nothing is released."""

    begins = forms.DateTimeField(label=_("From"), widget=forms.DateTimeInput({"type": "datetime-local"}, format=MOMENT))
    ends = forms.DateTimeField(label=_("Until"), widget=forms.DateTimeInput({"type": "datetime-local"}, format=MOMENT))
    reason = forms.CharField(label=_("Reason"), max_length=200)

    def clean(self) -> dict[str, Any]:
        """Refuse a freeze that ends before it begins."""
        values = super().clean() or {}
        if values.get("begins") and values.get("ends") and values["begins"] >= values["ends"]:
            self.add_error("ends", _("It must end after it begins."))
        return values


FreezeForms = forms.formset_factory(FreezeForm, extra=0, max_num=50)


def freeze_windows(filled: forms.BaseFormSet) -> list[dict[str, str]]:  # type: ignore[type-arg]
    """Return the freezes of a valid formset as an environment keeps them."""
    rows = [form.cleaned_data for form in filled if form.cleaned_data]
    return [{"from": r["begins"].isoformat(), "until": r["ends"].isoformat(), "reason": r["reason"]} for r in rows]


def freeze_initial(environment: Environment) -> list[dict[str, Any]]:
    """Return what the formset shows at first."""
    return [
        {
            "begins": datetime.fromisoformat(window["from"]),
            "ends": datetime.fromisoformat(window["until"]),
            "reason": window["reason"],
        }
        for window in environment.freeze_windows
    ]


class TargetForm(forms.Form):
    """A target to add."""

    cluster = forms.ModelChoiceField(Cluster.objects.none(), to_field_name="slug", label=_("Cluster"), empty_label=None)
    slug = forms.CharField(label=_("Short name"), max_length=40, help_text=_("Often the cluster's."))
    namespace = forms.CharField(
        label=_("Namespace"),
        max_length=63,
        help_text=_("Made if it is not there. It belongs to this environment alone."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["cluster"].queryset = clusters.list_clusters()  # type: ignore[attr-defined]


def settings_initial(row: Application | Project | Environment, form: type[forms.Form]) -> dict[str, Any]:
    """Return the present values of what a form can change."""
    values = {name: getattr(row, name) for name in form.base_fields if hasattr(row, name)}
    if isinstance(row, Environment):
        values["allowed_branches"] = "\n".join(row.allowed_branches)
    return values
